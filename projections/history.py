"""A record's history: one entry an event, with what it changed."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from domain.events import Personal, Recorded
from domain.platform.erased import concealed
from domain.workflow import Workflow

#: Fields of records that move with every event, or never, or are nobody's business: they tell nothing.
_SILENT = frozenset({"id", "stream", "version", "status", "updated_at", "key", "printed"})
#: Fields whose public name is another, by the kind of the record.
_PUBLIC = {
    "deviation": {"number": "deviation_number", "initiated_at": "initiation_date"},
    "capa": {"number": "capa_number", "initiated_at": "initiation_date"},
    "user": {
        "name.username": "username",
        "name.first_name": "first_name",
        "name.last_name": "last_name",
        "contact.email": "email",
        "joined_at": "date_joined",
    },
}


class Change(NamedTuple):
    """A field before and after an event; one inside another is `investigation.findings`, one of a list's by the
    item's id: `attachments.4.name`.
    """

    field: str
    before: Any
    after: Any


class Entry(NamedTuple):
    """An event and what it changed."""

    recorded: Recorded
    changes: list[Change]


def history(workflow: Workflow[Any], events: Sequence[Recorded], versions: Container[int] | None = None) -> list[Entry]:
    """Return a stream's events with the changes of each, or of those of some versions; one fold."""
    entries = []
    public = _PUBLIC.get(workflow.kind, {})
    # What is there by nature was something before its first event.
    record = workflow.native(events[0].stream) if events else None
    before: dict[str, Any] | None = {} if record is None else _flat(record)
    for recorded in concealed(events):
        if versions is not None and recorded.version not in versions:
            record, before = workflow.evolve(record, recorded), None
            continue
        before = _flat(record) if before is None else before
        record = workflow.evolve(record, recorded)
        after = _flat(record)
        entries.append(Entry(recorded, _changes(public, before, after)))
        before = after
    return entries


def _changes(public: Mapping[str, str], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what is another, or new and says something; then what is gone and said something."""
    other = [
        Change(public.get(name, name), before.get(name), value)
        for name, value in after.items()
        if value != before.get(name) and (name in before or _says(value))
    ]
    gone = [
        Change(public.get(name, name), value, None)
        for name, value in before.items()
        if name not in after and _says(value)
    ]
    return other + gone


def _flat(record: Any, path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in record.__struct_fields__:
        if name in _SILENT:
            continue
        value = getattr(record, name)
        if isinstance(value, msgspec.Struct):
            found.update(_flat(value, f"{path}{name}."))
        elif isinstance(value, Personal):
            found.update(_opened(value, path + name))
        elif isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
            for item in value:
                found.update(_flat(item, f"{path}{name}.{item.id}."))
        else:
            found[path + name] = value
    return found


def _opened(personal: Personal, path: str) -> dict[str, Any]:
    """Return what is known of a person, part by part; one word once it is erased."""
    if personal.value is None:
        return {path: "erased"}
    return {f"{path}.{part}": text for part, text in personal.value.items()}


def _says(value: Any) -> bool:
    """Tell whether a field that was not there before, or is gone, had something in it."""
    return value is not False and value not in ("", (), None)
