"""What lists narrow a record by, and from when to when it was that: all that finding it as of a time takes."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import UNSET, Struct
from msgspec.structs import replace

from domain.events import Event, Recorded
from domain.quality.capa import CAPAS
from domain.quality.capa_facts import Capa, CapaUpdated, OwnerAssigned
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation, DeviationUpdated
from domain.workflow import Workflow
from ledger.rows import microseconds

#: The moment of what does not happen.
NEVER: Final = 2**63 - 1


class Traits(Struct, frozen=True):
    """What lists narrow by, as it stood. `due_at`: microseconds since 1970; deviations' lists do not ask for it."""

    status: str
    department: str
    priority: str = ""
    source_type: str = ""
    source_id: int | None = None
    owner: int | None = None
    due_at: int | None = None


class Stretch(Struct, frozen=True):
    """A time in which the traits stood still: microseconds since 1970, `until` exclusive, and NEVER while it lasts."""

    since: int
    until: int
    traits: Traits


class Life(Struct, frozen=True, kw_only=True):
    """A record as lists of the past know it: its stretches, from the one on that folding began with, its `first`."""

    id: int
    stream: UUID
    kind: str
    initiated_at: int
    first: int = 0
    stretches: tuple[Stretch, ...]


def _of_deviation(it: Deviation) -> Traits:
    return Traits(it.status, it.department)


def _of_capa(it: Capa) -> Traits:
    due = _moment(it.target_completion_date)
    return Traits(it.status, it.department, it.priority, it.source_type, it.source_id, it.owner, due)


_CAPA = ("department", "priority", "source_type", "source_id")
_SUBJECTS: Final[Mapping[str, tuple[Workflow[Any], Callable[[Any], Traits]]]] = {
    DEVIATIONS.kind: (DEVIATIONS, _of_deviation),
    CAPAS.kind: (CAPAS, _of_capa),
}
KINDS: Final = frozenset(_SUBJECTS)


def evolve(life: Life | None, recorded: Recorded) -> Life:
    """Fold one event into a life. Total, but for one that does not begin with its creation."""
    at = microseconds(recorded.at)
    if life is None:
        return _begun(recorded, at)
    *before, last = life.stretches
    traits = replace(last.traits, status=recorded.event.to_state or last.traits.status, **_changed(recorded.event))
    if traits == last.traits:
        return life
    if at == last.since:  # More than one fact of an append: nobody can ask for what was between them.
        return replace(life, stretches=(*before, replace(last, traits=traits)))
    return replace(life, stretches=(*before, replace(last, until=at), Stretch(at, NEVER, traits)))


def _begun(recorded: Recorded, at: int) -> Life:
    flow, traits_of = _SUBJECTS[recorded.event.kind]
    record = flow.evolve(None, recorded)
    first = Stretch(at, NEVER, traits_of(record))
    return Life(id=record.id, stream=recorded.stream, kind=flow.kind, initiated_at=at, stretches=(first,))


def _changed(event: Event) -> dict[str, Any]:
    """Return the traits that an event sets, beside the status."""
    if isinstance(event, DeviationUpdated):
        return _given(event, ("department",))
    if isinstance(event, CapaUpdated):
        due = event.target_completion_date
        return _given(event, _CAPA) | ({} if due is UNSET else {"due_at": _moment(due)})
    return {"owner": event.owner} if isinstance(event, OwnerAssigned) else {}


def _given(event: Event, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(event, name)) is not UNSET}


def _moment(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)
