"""A record's history: one entry an event, with what it changed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from domain.events import Recorded
from domain.workflow import Workflow

#: Fields of records that move with every event, or never: they tell nothing.
_SILENT = frozenset({"id", "stream", "version", "status", "updated_at"})
#: Fields whose public name is another.
_PUBLIC = {"number": "deviation_number", "initiated_at": "initiation_date"}


class Change(NamedTuple):
    """A field before and after an event; a field inside another is `investigation.findings`."""

    field: str
    before: Any
    after: Any


class Entry(NamedTuple):
    """An event and what it changed."""

    recorded: Recorded
    changes: list[Change]


def history(workflow: Workflow[Any], events: Sequence[Recorded]) -> list[Entry]:
    """Return a stream's events with the changes of each; one fold."""
    entries = []
    before: dict[str, Any] = {}
    record = None
    for recorded in events:
        record = workflow.evolve(record, recorded)
        after = _flat(record)
        changes = [
            Change(_PUBLIC.get(name, name), before.get(name), value)
            for name, value in after.items()
            if value != before.get(name) and (before or value not in ("", (), None))
        ]
        changes += [
            Change(_PUBLIC.get(name, name), value, None)
            for name, value in before.items()
            if name not in after and value is not None
        ]
        entries.append(Entry(recorded, changes))
        before = after
    return entries


def _flat(record: Any, path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in record.__struct_fields__:
        if name in _SILENT:
            continue
        value = getattr(record, name)
        if isinstance(value, msgspec.Struct):
            found.update(_flat(value, f"{path}{name}."))
        else:
            found[path + name] = value
    return found
