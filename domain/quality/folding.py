"""Folding the facts of a record whose first says all of it, and each later one what changed."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from domain.events import Event, Recorded
from domain.table import Record


class Dated(Record, Protocol):
    """A record that knows when it was changed last."""

    @property
    def updated_at(self) -> datetime: ...  # noqa: D102


R = TypeVar("R", bound=Dated)
#: What a kind of fact, recorded at a time, changes in a record.
Changes = Mapping[type[Event], Callable[[R, Any, datetime], dict[str, Any]]]


def folding(
    creation: type[Event], created: Callable[[Any, Recorded], R], changes: Changes[R]
) -> Callable[[R | None, Recorded], R]:
    """Return what folds one event into a record. Total: copies facts, asks no rule, knows nothing but the event."""

    def evolve(record: R | None, recorded: Recorded) -> R:
        event = recorded.event
        if isinstance(event, creation):
            return created(event, recorded)
        assert record is not None  # noqa: S101 - a stream begins with its creation: the ledger demands the next version.
        change = changes.get(type(event))
        changed = change(record, event, recorded.at) if change else {}
        before: Any = record  # A struct, which a protocol can not say.
        after: R = replace(
            before,
            version=recorded.version,
            status=event.to_state or record.status,
            updated_at=recorded.at,
            **changed,
        )
        return after

    return evolve


def given(event: Event, names: Iterable[str]) -> dict[str, Any]:
    """Return those of the fields that a fact gives; those not given stay as they were."""
    return {name: value for name in names if (value := getattr(event, name)) is not UNSET}
