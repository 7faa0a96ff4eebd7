"""The page of the facts: their names, their fields, and the envelope around them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec import UnsetType

from domain.catalogue import WORKFLOWS
from domain.events import Event, Personal, Signature, Source
from domain.given import own_fields
from domain.quality.deviation_facts import WantedCapa
from domain.workflow import Step, Workflow
from flowledger.reference.markdown import code, table, title

_INTRODUCTION: Final = """\
Everything that happens is recorded as one of these, and each is stored under its name for ever. Position, stream,
version and time stand beside it in the ledger.
"""
_TYPES: Final = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    datetime: "time",
    UUID: "UUID",
    Personal: "personal data, sealed",
    Source: "object",
    Signature: "object",
    WantedCapa: "object",
}
_ENVELOPE: Final = {
    "actor": "id of the user who did it; absent where the system did",
    "source": "`address` of the client, and id of the `token` that it showed",
    "request": "id of the request",
    "correlation": "id that ties together what belongs to one undertaking",
    "causation": "id of what this follows from",
    "from_state": "the state before; absent on a creation",
    "to_state": "the state after",
    "comment": "a remark",
    "reason": "why",
    "signature": "who signed, as what name, with what meaning, when, under which version of which stream",
}


def events_page() -> str:
    """Return the page of all facts."""
    envelope = [[f"`{name}`", _TYPES[_bare(Event, name)], says] for name, says in _ENVELOPE.items()]
    parts = [
        "# Facts\n",
        _INTRODUCTION,
        "## The envelope\n\nEvery fact may carry these. Clients never set them.\n",
        table(["field", "type", "what it says"], envelope),
    ]
    for flow in WORKFLOWS.values():
        steps = flow.all_steps
        parts.append(f"## {title(flow.kind)}\n")
        parts += [_fact(flow, event, steps) for event in dict.fromkeys(step.event for step in steps)]
    return "\n".join(parts)


def _bare(struct: type[Any], name: str) -> Any:
    kind = next(field.type for field in msgspec.structs.fields(struct) if field.name == name)
    return next(one for one in get_args(kind) if one is not NoneType)


def _fact(flow: Workflow[Any], event: type[Event], steps: Sequence[Step[Any]]) -> str:
    by = code(dict.fromkeys(step.trigger for step in steps if step.event is event))
    rows = [
        [f"`{name}`", _type(field.type, flow.choices.get(name, ())), _presence(event, field)]
        for name, field in own_fields(event).items()
    ]
    fields = "\n" + table(["field", "type", "where it is not given"], rows) if rows else ""
    return f"### {event.topic}\n\n{event.__doc__} Recorded by {by}.\n{fields}"


def _type(kind: Any, choices: Sequence[str]) -> str:
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    named = [_one(part, choices) for part in parts if part not in (UnsetType, NoneType)]
    return " or ".join([*named, *(["null"] if NoneType in parts else [])])


def _one(kind: Any, choices: Sequence[str]) -> str:
    if get_origin(kind) is tuple:
        return f"list of {code(choices) if choices else _TYPES[get_args(kind)[0]]}"
    if get_origin(kind) is Mapping:
        return f"object of {' to '.join(_TYPES[part] for part in get_args(kind))}"
    return f"one of {code(filter(None, choices))}" if choices and kind is str else _TYPES[kind]


def _presence(event: type[Event], field: msgspec.structs.FieldInfo) -> str:
    """Say what holds where a field is not in the stored bytes."""
    if field.name in event.numbered:
        return "allotted without a gap when it is recorded"
    if field.required:
        return "always given"
    if field.default is msgspec.UNSET:
        return "unchanged"
    if field.default is None:
        return "none"
    return "empty" if field.default in ("", ()) else f"`{msgspec.json.encode(field.default).decode()}`"
