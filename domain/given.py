"""What is given with a step, against what its fact records: every fault at once."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET

from domain.errors import Fault
from domain.events import Event

#: Closed sets of values, by the field that takes them.
Choices = Mapping[str, tuple[str, ...]]

_REQUIRED = "This field is required."


def faults_in(event: type[Event], data: Mapping[str, Any], choices: Choices) -> list[Fault]:
    """Return a fault for each field that the fact does not record, is of a wrong type, or outside a closed set."""
    own = own_fields(event)
    faults = []
    for name, value in data.items():
        if name not in own:
            faults.append(Fault(name, "This step does not take this field."))
        elif (wrong := _wrong(own[name].type, value, choices.get(name))) is not None:
            faults.append(Fault(name, wrong))
    return faults


def missing_in(event: type[Event], asked: Iterable[str], given: Mapping[str, Any]) -> list[Fault]:
    """Return a fault for each thing that is asked for, or that the fact can't be without, and is not given."""
    needed = [name for name, field in own_fields(event).items() if field.required and name not in given]
    unsaid = [name for name in asked if blank(given.get(name))]
    return [Fault(name, _REQUIRED) for name in dict.fromkeys([*unsaid, *needed])]


@cache
def own_fields(event: type[Event]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """Return the fields that a fact has beside the envelope."""
    return {it.name: it for it in msgspec.structs.fields(event) if it.name not in Event.__struct_fields__}


def overwritten(before: object, data: Mapping[str, Any]) -> bool:
    """Tell whether data changes, or takes away, a field that says something already.

    before: what has the fields: a record, or a part of one; None for a part that is not there yet.
    """
    said = {name: getattr(before, name, None) for name in data}
    return any(not blank(said[name]) and value not in (said[name], UNSET) for name, value in data.items())


def blank(value: Any) -> bool:
    """Tell whether nothing is said by a value: it is not there, empty, or white space alone."""
    return value in (None, (), []) or (isinstance(value, str) and not value.strip())


def _wrong(expected: Any, value: Any, choices: tuple[str, ...] | None) -> str | None:
    if value is UNSET:  # An edit's way of saying: not given.
        return None
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError as wrong:
        return f"{wrong}."
    values = value if isinstance(value, tuple | list) else (value,)
    if choices is not None and any(one not in choices for one in values):
        return f"Must be of {', '.join(filter(None, choices))}."
    return None
