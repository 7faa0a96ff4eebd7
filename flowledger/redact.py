"""Taking secrets out of what is logged: by the name of a field, and by the look of a text."""

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

MASK: Final = "***"

_SCALARS: Final = (int, float, Decimal, date, time, timedelta, UUID)

_NAMES: Final = (
    r"(?:password|passwd|passphrase|pwd|secret|token|authorization|cookie|credential"
    r"|api[_-]?key|private[_-]?key|(?:^|(?<=[_-]))otp)s?"
)
_SECRET_NAME: Final = re.compile(_NAMES + r"$", re.IGNORECASE)
_PATH_NAME: Final = re.compile(r"(?:^|_)(?:path|url|uri|href|link)$", re.IGNORECASE)

# Each rule starts at few places and never looks far from there twice: its cost is linear.
_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"\b(wop_|whsec_)[\w+/=-]+"), rf"\1{MASK}"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), MASK),
    (re.compile(r"(?i)\b(authorization|cookie)(['\"]?\s*[:=]\s*)[^\r\n,}]+"), rf"\1\2{MASK}"),
    # A scheme and what follows it, unless that is an ordinary word.
    (
        re.compile(r"\b((?i:bearer|basic|token))\s+(?![a-z]+(?:[\s.,;:!?)]|$))[\w.~+/=-]{8,}"),
        rf"\1 {MASK}",
    ),
    (re.compile(r"(?<=://)([^\s/:@]*):[^\s/]+@"), rf"\1:{MASK}@"),
    # name=value in a query or a connection string, "name": "value" in JSON or a repr.
    (re.compile(rf"(?i)({_NAMES}=)(?:\"[^\"]*\"|'[^']*'|[^\s&;,)]+)"), rf"\1{MASK}"),
    (
        re.compile(rf"(?i)([\"'][\w-]*{_NAMES}[\"']\s*:\s*)(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"),
        rf'\1"{MASK}"',
    ),
)

_ADDRESS: Final = re.compile(r"(?i:https?://|\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\s+/)[^\s\"'<>?#]+")
_SEGMENT: Final = re.compile(r"(?<=/)[\w-]{20,}(?![^/?#\s])")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WORDS: Final = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+|\d+)(?:[-_]+(?:[A-Z]?[a-z]+|[A-Z]+|\d+))*")


def redacted(value: object, name: str = "") -> object:
    """`value` of the field `name` with every secret in it masked; containers are copied.

    What is neither text, number, time nor container is put as its repr, masked too.
    """
    if value is None or isinstance(value, bool):
        return value
    if _SECRET_NAME.search(name):
        return MASK
    match value:
        case _ if isinstance(value, _SCALARS):
            return value
        case Mapping():
            return {str(key): redacted(item, str(key)) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redacted(item) for item in value]
    text = redacted_text(_text(value))
    return redacted_path(text) if _PATH_NAME.search(name) else text


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) else repr(value)


def redacted_text(text: str) -> str:
    """The text without passwords, tokens, signing secrets and credentials in addresses."""
    for rule, replacement in _RULES:
        text = rule.sub(replacement, text)
    return _ADDRESS.sub(lambda found: redacted_path(found.group()), text)


def redacted_path(path: str) -> str:
    """The path or URL without segments that look like tokens: long, and neither words nor ids."""
    return _SEGMENT.sub(lambda found: _masked_segment(found.group()), path)


def _masked_segment(segment: str) -> str:
    return segment if _UUID.fullmatch(segment) or _WORDS.fullmatch(segment) else MASK
