"""Reading what clients send: every fault at once, each with the path of its field. Unknown fields are refused."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from api.doubled import doubled
from api.fields import Field, fields_of
from api.text import clean
from api.words import in_words
from domain.errors import Fault, InvalidInput, Unreadable, UnsupportedMedia
from domain.times import NOT_A_TIME, day_or_moment, moment

T = TypeVar("T", bound=Struct)

_REQUIRED = "This field is required."
_TWICE = "Given more than once."
_LONGEST_QUERY = 8192
_MOST_PARAMETERS = 200
#: Strange fields that are named one by one; a body may hold a hundred thousand.
_MOST_STRANGE = 50
_LONGEST_NAME = 100
#: How alike, 1 being the same, a strange name and a field are that was perhaps meant: one letter in four is another.
_NEAR = 0.75


class Body:
    """A request's body: read leniently for who may do what, then strictly, with every fault named."""

    def __init__(self, content: bytes, media_type: str) -> None:
        """Parse JSON; a body that can't be read is told only when it is asked for."""
        self.content = content
        self._fault: InvalidInput | UnsupportedMedia | None = None
        self.raw: dict[str, Any] = {}
        if not content:
            return
        if media_type.partition(";")[0].strip().lower() not in ("application/json", ""):
            self._fault = UnsupportedMedia("The body must be application/json.")
            return
        try:
            value = msgspec.json.decode(content)
            twice = doubled(content)
        except RecursionError:
            self._fault = Unreadable([Fault("", "The body is nested too deeply.")])
            return
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._fault = Unreadable([Fault("", f"The body is not JSON: {error}.")])
            return
        if twice:
            self._fault = Unreadable([Fault(_short(name), _TWICE) for name in twice[:_MOST_STRANGE]])
        elif isinstance(value, dict):
            self.raw = value
        else:
            self._fault = Unreadable([Fault("", "The body must be a JSON object.")])

    def read(self, shape: type[T], read_only: Mapping[str, Any] | None = None) -> T:
        """Return the body as a struct. Raises InvalidInput, Unreadable or UnsupportedMedia.

        read_only: the record as shown: what comes back unchanged is no input, what is not writable may not change.
        """
        if self._fault is not None:
            raise self._fault
        return _read(shape, self.raw, read_only or {})


def read_query(shape: type[T], text: bytes) -> T:
    """Return a query string as a struct; an empty value is no value. Raises InvalidInput naming every fault."""
    raw: dict[str, Any] = {}
    faults: list[Fault] = []
    fields = fields_of(shape)
    for name, value in query_pairs(text):
        if name in raw:
            faults.append(Fault(_short(name), _TWICE))
        elif value:
            raw[name] = _number(value) if name in fields and fields[name].number else value
        elif name not in fields:
            faults.append(_strange(name, fields))
    found = _read_struct(shape, raw, "", faults)
    if faults or found is None:
        raise InvalidInput(faults)
    return found


def query_pairs(text: bytes) -> list[tuple[str, str]]:
    """Return the parameters of a query string, doubles too. Raises InvalidInput for one that can't be read."""
    if not text:
        return []
    if len(text) > _LONGEST_QUERY:
        raise InvalidInput([Fault("", "The query string is too long.")])
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise InvalidInput([Fault("", "The query string is not percent-encoded UTF-8, or too long.")]) from None


def together(*reads: Callable[[], Any]) -> list[Any]:
    """Return what each gives. Raises InvalidInput with the faults of all; of a field, those that were found first."""
    found, faults = [], list[Fault]()
    for read in reads:
        try:
            found.append(read())
        except Unreadable:
            raise
        except InvalidInput as faulty:
            told = {fault.field for fault in faults}
            faults += [fault for fault in faulty.faults if fault.field not in told]
    if faults:
        raise InvalidInput(faults)
    return found


def check_given(names: Iterable[str], raw: Mapping[str, Any]) -> None:
    """Raise InvalidInput for each name under which nothing is given."""
    missing = [name for name in names if _blank(raw.get(name))]
    if missing:
        raise InvalidInput([Fault(name, _REQUIRED) for name in missing])


def _blank(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _read(shape: type[T], raw: Mapping[str, Any], read_only: Mapping[str, Any]) -> T:
    fields = fields_of(shape)
    fixed = {name for name in raw.keys() & read_only.keys() if name not in fields or raw[name] == read_only[name]}
    faults = [Fault(name, "This field is read-only.") for name in sorted(fixed) if raw[name] != read_only[name]]
    value = _read_struct(shape, {name: value for name, value in raw.items() if name not in fixed}, "", faults)
    if faults or value is None:
        raise InvalidInput(faults)
    return value


def _read_struct(shape: type[T], raw: Mapping[str, Any], path: str, faults: list[Fault]) -> T | None:
    fields = fields_of(shape)
    before = len(faults)
    _name_strange(raw, fields, path, faults)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in raw:
            told = len(faults)
            value = _prepared(field, raw[name], path + name, faults)
            if len(faults) == told:
                values[name] = value
        elif field.required:
            faults.append(Fault(path + name, _REQUIRED))
    if len(faults) == before:
        try:
            return msgspec.convert(values, shape)
        except msgspec.ValidationError:
            pass  # It names the first fault alone: each field is looked at by itself.
    found = (_fault(fields[name], value, path + name) for name, value in values.items())
    faults += [fault for fault in found if fault is not None]
    return None


def _prepared(field: Field, value: Any, path: str, faults: list[Fault]) -> Any:
    """Return a value with its text cleaned, its times read and its structs made; None beside a fault."""
    if field.nested is not None:
        return _nested(field.nested, value, path, faults)
    if field.number and isinstance(value, float) and value.is_integer():
        return int(value)  # JSON knows one kind of number.
    try:
        if isinstance(value, str):
            return _time(field, value) if field.time else _text(field, value)
        if isinstance(value, list):
            return [_text(field, item) if isinstance(item, str) else item for item in value]
    except ValueError as error:
        faults.append(Fault(path, NOT_A_TIME if field.time else str(error)))
        return None
    return value


def _nested(shape: type[Struct], value: Any, path: str, faults: list[Fault]) -> Any:
    if isinstance(value, list):
        return [_nested(shape, item, f"{path}.{place}", faults) for place, item in enumerate(value)]
    return _read_struct(shape, value, path + ".", faults) if isinstance(value, dict) else value


def _time(field: Field, value: str) -> datetime:
    return day_or_moment(value) if field.day else moment(value, end=field.end)


def _text(field: Field, value: str) -> str:
    return clean(value, verbatim=field.verbatim, line=field.line)


def _fault(field: Field, value: Any, path: str) -> Fault | None:
    try:
        msgspec.convert(value, field.kind)
    except msgspec.ValidationError as error:
        if field.choices and isinstance(value, str | list):
            return Fault(path, f"Must be of {', '.join(filter(None, field.choices))}.")
        return Fault(path, "This field may not be blank." if value == "" else in_words(str(error)))
    return None


def _name_strange(raw: Mapping[str, Any], fields: Mapping[str, Field], path: str, faults: list[Fault]) -> None:
    strange = sorted(raw.keys() - fields.keys())
    faults += [_strange(name, fields, path) for name in strange[:_MOST_STRANGE]]
    if len(strange) > _MOST_STRANGE:
        faults.append(Fault(path, f"{len(strange) - _MOST_STRANGE} more unknown fields."))


def _strange(name: str, fields: Iterable[str], path: str = "") -> Fault:
    near = get_close_matches(name[:_LONGEST_NAME], fields, 1, _NEAR)
    return Fault(path + _short(name), "Unknown field." + (f" Did you mean {near[0]}?" if near else ""))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"


def _number(text: str) -> Any:
    digits = text.removeprefix("-")
    return int(text) if len(digits) <= 18 and digits.isascii() and digits.isdigit() else text
