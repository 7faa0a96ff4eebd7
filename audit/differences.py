"""How a read model's row differs from the one that the ledger's events make."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

_ABSENT = "(not there)"
_LONGEST = 200


class Kind(StrEnum):
    """What is wrong with a row."""

    DIFFERS = "differs"
    MISSING = "missing"
    SURPLUS = "surplus"
    UNREADABLE = "unreadable"


class Difference(Struct, frozen=True, kw_only=True):
    """One field, or one row, in which a read model is not what the events make of it.

    field: a column, or a field inside a ready JSON: `summary.title`; "" where it is about the whole row.
    ledger, view: the value by the ledger and in the read model, as text that may be cut short.
    """

    read_model: str
    kind: Kind
    stream: UUID | None = None
    record: str = ""
    field: str = ""
    ledger: str = ""
    view: str = ""

    def sentence(self) -> str:
        """Say it in a line."""
        where = f"{self.read_model}: {self.record or self.stream}"
        match self.kind:
            case Kind.DIFFERS:
                return f"{where}: {self.field} is {self.view} in the read model, {self.ledger} by the ledger"
            case Kind.MISSING:
                return f"{where} is in the ledger and not in the read model"
            case Kind.SURPLUS:
                return f"{where} is in the read model and not in the ledger"
            case Kind.UNREADABLE:
                return f"{self.read_model}: the ledger can not be folded further: {self.ledger}"


def differing(ledger: Mapping[str, Any], view: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield each field in which two rows differ, with both values; fields of ready JSON one by one."""
    for name, value in ledger.items():
        if value != view[name] and isinstance(value, bytes):
            yield from _inside(name, value, view[name])
        elif value != view[name]:
            yield _shown(name, value, view[name])


def _inside(name: str, ledger: bytes, view: bytes) -> Iterator[tuple[str, str, str]]:
    ours, theirs = _flat(name, msgspec.json.decode(ledger)), _decoded(name, view)
    found = False
    for field in (*ours, *(field for field in theirs if field not in ours)):
        if ours.get(field, _ABSENT) != theirs.get(field, _ABSENT):
            found = True
            yield _shown(field, ours.get(field, _ABSENT), theirs.get(field, _ABSENT))
    if not found:  # The same values in other bytes.
        yield _shown(name, ledger, view)


def _decoded(name: str, stored: bytes) -> dict[str, Any]:
    try:
        return _flat(name, msgspec.json.decode(stored))
    except msgspec.DecodeError:
        return {name: stored}


def _flat(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {path: value}
    return {name: leaf for key, inner in value.items() for name, leaf in _flat(f"{path}.{key}", inner).items()}


def _shown(field: str, ledger: Any, view: Any) -> tuple[str, str, str]:
    return field, _text(ledger), _text(view)


def _text(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
