"""A struct's fields as input is read by: worked out once a struct."""

import types
import typing
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import NODEFAULT, Meta, Struct

#: A bound that takes its whole day or second in.
END = Meta(extra={"end": True})
#: A date or a time that stands for its day, in a zone that whoever reads it knows: see `day_or_moment`.
DAY = Meta(extra={"day": True})
#: Text that is kept as its bytes are: a key that somebody else computes with.
VERBATIM = Meta(extra={"verbatim": True})
#: Text of one line: a name, a title.
LINE = Meta(extra={"line": True})


class Field(NamedTuple):
    """A field: its type, and what of it decides how a value is read. `nested`: the struct that it, or each item, is."""

    kind: Any
    required: bool
    nested: type[Struct] | None
    time: bool
    end: bool
    day: bool
    verbatim: bool
    line: bool
    number: bool
    choices: tuple[str, ...]


@cache
def fields_of(shape: type[Struct]) -> Mapping[str, Field]:
    """Return a struct's fields by their names in JSON."""
    return {field.encode_name: _field(field) for field in msgspec.structs.fields(shape)}


def _field(field: msgspec.structs.FieldInfo) -> Field:
    kinds = _alternatives(field.type)
    extras = _extras(field.type)
    return Field(
        kind=field.type,
        required=field.default is NODEFAULT and field.default_factory is NODEFAULT,
        nested=next((kind for kind in map(_item, kinds) if isinstance(kind, type) and issubclass(kind, Struct)), None),
        time=datetime in kinds,
        end="end" in extras,
        day="day" in extras,
        verbatim="verbatim" in extras,
        line="line" in extras,
        number=int in kinds,
        choices=tuple(str(choice) for kind in kinds for choice in _choices(kind)),
    )


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, without their annotations."""
    if typing.get_origin(kind) is Annotated:
        return _alternatives(kind.__origin__)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return tuple(one for member in typing.get_args(kind) for one in _alternatives(member))
    return (kind,)


def _item(kind: Any) -> Any:
    """Return what each item of a list is; of what is none, itself."""
    return _alternatives(typing.get_args(kind)[0])[0] if typing.get_origin(kind) is list else kind


def _extras(kind: Any) -> set[str]:
    """Return what is said of a type, of the members of a union, and of a list's items."""
    if typing.get_origin(kind) is Annotated:
        metas = [meta for meta in kind.__metadata__ if isinstance(meta, Meta)]
        return {name for meta in metas for name in meta.extra or {}} | _extras(kind.__origin__)
    if typing.get_origin(kind) in (typing.Union, types.UnionType, list):
        return {name for member in typing.get_args(kind) for name in _extras(member)}
    return set()


def _choices(kind: Any) -> tuple[Any, ...]:
    """Return the closed set that a value, or each item of a list, is of."""
    if typing.get_origin(kind) is typing.Literal:
        return typing.get_args(kind)
    return _choices(typing.get_args(kind)[0]) if typing.get_origin(kind) is list else ()
