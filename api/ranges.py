"""Parts of a file that are asked for: RFC 9110, section 14, of one range."""

import re
from typing import NamedTuple

_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class Span(NamedTuple):
    """The bytes from `start` up to `stop`, not included."""

    start: int
    stop: int


class NotSatisfiable(Exception):
    """None of the bytes that are asked for is there."""


def span_of(header: str, size: int) -> Span | None:
    """Return what a Range header asks for of a file with so many bytes; None: all of it, and the header is passed over.

    Several ranges at once, other units, and what can't be read are passed over, as the RFC allows. Raises
    NotSatisfiable.
    """
    found = _RANGE.fullmatch(header)
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(size - int(last), 0)
    if start >= size:
        raise NotSatisfiable
    return Span(start, min(int(last) + 1, size) if first and last else size)
