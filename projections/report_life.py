"""What reports count of a record: its traits as they are now, and the stretches of time in which it was open.

Open is every state but CLOSED and CANCELLED. A stretch ends where the record is over, and also where it goes on but
something is counted: an approval, an approval refused for want of effect, another due date. So the stretches say, of
any moment, whether the record was open then and when it was due then, whatever was changed since.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import UNSET, Struct
from msgspec.structs import replace

from domain.events import Event, Recorded
from domain.quality.capa import CAPAS
from domain.quality.deviation import DEVIATIONS
from domain.workflow import Workflow
from ledger.rows import microseconds

#: The moment of what does not happen.
NEVER: Final = 2**63 - 1
OPENED, REOPENED, WENT_ON = "opened", "reopened", "went_on"
CLOSED, CANCELLED, APPROVED, INEFFECTIVE, MOVED = "closed", "cancelled", "approved", "ineffective", "moved"
#: The states in which a record is over, and the word for its getting there.
OVER: Final[Mapping[str, str]] = {"CLOSED": CLOSED, "CANCELLED": CANCELLED}


class Subject(Struct, frozen=True):
    """A kind of records that reports are about.

    traits: what is counted by, and the record's field that it is; due: the field of its due date; counted: facts that
    are counted though the record stays open, and the word for each.
    """

    workflow: Workflow[Any]
    traits: Mapping[str, str]
    due: str
    counted: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The kind of record."""
        return self.workflow.kind


DEVIATION = Subject(
    DEVIATIONS, {"grade": "classification", "category": "category", "department": "department"}, "due_date", {}
)
CAPA = Subject(
    CAPAS,
    {"grade": "priority", "category": "category", "source": "source_type", "department": "department"},
    "target_completion_date",
    {"capa.approved": APPROVED, "capa.marked_ineffective": INEFFECTIVE},
)
SUBJECTS: Final[Mapping[str, Subject]] = {it.kind: it for it in (DEVIATION, CAPA)}


class Stretch(Struct, frozen=True):
    """A time in which a record was open, due at one moment. Times are microseconds since 1970, or NEVER.

    began, ended: the words for how; `ended` is "" while it lasts.
    """

    since: int
    until: int
    due: int
    began: str
    ended: str = ""


class Life(Struct, frozen=True, kw_only=True):
    """A record as reports know it. grade: a deviation's classification, a CAPA's priority."""

    id: int
    stream: UUID
    kind: str
    status: str
    grade: str
    category: str
    source: str = ""
    department: str
    stretches: tuple[Stretch, ...]


def evolve(life: Life | None, recorded: Recorded) -> Life:
    """Fold one event into a life. Total, but for one that does not begin with its creation."""
    subject = SUBJECTS[recorded.event.kind]
    if life is None:
        return _begun(subject, recorded)
    event = recorded.event
    return replace(
        life,
        status=event.to_state or life.status,
        stretches=_stretches(life, subject, event, microseconds(recorded.at)),
        **_changed(subject, event),
    )


def _begun(subject: Subject, recorded: Recorded) -> Life:
    record = subject.workflow.evolve(None, recorded)
    at, due = microseconds(recorded.at), _moment(getattr(record, subject.due))
    return Life(
        id=record.id,
        stream=recorded.stream,
        kind=subject.kind,
        status=record.status,
        stretches=(Stretch(at, NEVER, due, OPENED),),
        **{trait: getattr(record, field) for trait, field in subject.traits.items()},
    )


def _changed(subject: Subject, event: Event) -> dict[str, str]:
    given = {trait: _given(subject, event, field) for trait, field in subject.traits.items()}
    return {trait: value for trait, value in given.items() if value is not UNSET}


def _stretches(life: Life, subject: Subject, event: Event, at: int) -> tuple[Stretch, ...]:
    """Return the stretches after an event: mostly those that there were."""
    *before, last = life.stretches
    status = event.to_state or life.status
    given = _given(subject, event, subject.due)
    due = last.due if given is UNSET else _moment(given)
    was_open, word = last.until == NEVER, subject.counted.get(event.topic, "")
    if was_open and status in OVER:
        return (*before, replace(last, until=at, ended=OVER[status]))
    if not was_open and status not in OVER:
        return (*life.stretches, Stretch(at, NEVER, due, REOPENED))
    if was_open and (word or due != last.due):
        return (*before, replace(last, until=at, ended=word or MOVED), Stretch(at, NEVER, due, WENT_ON))
    if due != last.due:  # It is over: the date is that of the next stretch, and this one has no length.
        return (*life.stretches, Stretch(at, at, due, WENT_ON, MOVED))
    return life.stretches


def _given(subject: Subject, event: Event, field: str) -> Any:
    """Return what an edit sets a field to, UNSET where it leaves it: no other fact changes what is counted by."""
    return getattr(event, field) if event.topic == f"{subject.kind}.updated" else UNSET


def _moment(moment: datetime | None) -> int:
    return NEVER if moment is None else microseconds(moment)
