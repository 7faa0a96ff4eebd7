"""The facts of a CAPA, corrective and preventive action, and its record. Nothing here ever changes its meaning."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from domain.events import Event, fact
from domain.quality.attachments import NUMBERED, Attachment, FileAdded, FileRemoved

INITIATED = "INITIATED"
INVESTIGATION = "INVESTIGATION"
ACTION_PLANNING = "ACTION_PLANNING"
IMPLEMENTATION = "IMPLEMENTATION"
EFFECTIVENESS_CHECK = "EFFECTIVENESS_CHECK"
APPROVED = "APPROVED"
CLOSED = "CLOSED"
CANCELLED = "CANCELLED"


class Action(Struct, frozen=True, kw_only=True):
    """Something that is to be done: to correct what happened, or to prevent that it happens again."""

    id: int
    kind: str
    description: str
    owner: int | None = None
    due_date: datetime | None = None
    done: bool = False


class Capa(Struct, frozen=True, kw_only=True):
    """A CAPA as folded from its events. Times are UTC."""

    id: int
    number: str
    stream: UUID
    version: int
    status: str
    title: str
    description: str
    category: str
    priority: str
    department: str
    target_completion_date: datetime | None
    source_type: str
    source_id: int | None
    root_cause_analysis: str
    impact_assessment: str
    effectiveness_criteria: str
    verification_result: str = ""
    initiated_by: int | None
    initiated_at: datetime
    updated_at: datetime
    owner: int | None = None
    #: Who owned it when its actions were said to be done: who is not to say that they were effective, too.
    implemented_by: int | None = None
    actions: tuple[Action, ...] = ()
    closed_at: datetime | None = None
    #: Those that were removed too, marked.
    attachments: tuple[Attachment, ...] = ()


@fact("capa.created", numbered={"id": "capa", "number": "CAPA-{year}-{n:04d}"})
class CapaCreated(Event, frozen=True, kw_only=True):
    """Something is to be corrected or prevented. `source_id`: of the record that it follows from."""

    id: int = 0
    number: str = ""
    title: str
    description: str
    category: str = ""
    priority: str = "MEDIUM"
    department: str
    target_completion_date: datetime | None = None
    source_type: str = "MANUAL"
    source_id: int | None = None
    root_cause_analysis: str = ""
    impact_assessment: str = ""
    effectiveness_criteria: str = ""


@fact("capa.updated")
class CapaUpdated(Event, frozen=True, kw_only=True):
    """Fields were changed; those not named are as they were."""

    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    priority: str | UnsetType = UNSET
    department: str | UnsetType = UNSET
    target_completion_date: datetime | UnsetType | None = UNSET
    source_type: str | UnsetType = UNSET
    source_id: int | UnsetType | None = UNSET
    root_cause_analysis: str | UnsetType = UNSET
    impact_assessment: str | UnsetType = UNSET
    effectiveness_criteria: str | UnsetType = UNSET
    verification_result: str | UnsetType = UNSET


@fact("capa.owner_assigned")
class OwnerAssigned(Event, frozen=True, kw_only=True):
    """Somebody answers for it from now on."""

    owner: int


@fact("capa.investigation_started")
class InvestigationStarted(Event, frozen=True, kw_only=True):
    """The owner is finding out what is behind it."""


@fact("capa.planning_started")
class PlanningStarted(Event, frozen=True, kw_only=True):
    """Root cause and impact are known; now it is planned what to do."""


@fact("capa.implementation_started")
class ImplementationStarted(Event, frozen=True, kw_only=True):
    """The plan is agreed to; what it says is being done."""


@fact("capa.effectiveness_check_started")
class EffectivenessCheckStarted(Event, frozen=True, kw_only=True):
    """All is done; whether it was effective is to be seen."""


@fact("capa.marked_ineffective")
class MarkedIneffective(Event, frozen=True, kw_only=True):
    """It was not effective; other actions are planned, and the next check finds its own result."""


@fact("capa.approved")
class Approved(Event, frozen=True, kw_only=True):
    """It was effective."""


@fact("capa.closed")
class Closed(Event, frozen=True, kw_only=True):
    """All is done."""


@fact("capa.reopened")
class Reopened(Event, frozen=True, kw_only=True):
    """It was not all done; the next check finds its own result."""


@fact("capa.cancelled")
class Cancelled(Event, frozen=True, kw_only=True):
    """It is not pursued. Nothing is erased."""


@fact("capa.action_added", numbered={"action_id": "capa_action"})
class ActionAdded(Event, frozen=True, kw_only=True):
    """Something more is to be done."""

    action_id: int = 0
    action_kind: str
    description: str
    owner: int | None = None
    due_date: datetime | None = None
    done: bool = False


@fact("capa.action_changed")
class ActionChanged(Event, frozen=True, kw_only=True):
    """An action was changed, or said to be done or not to be; what is not named is as it was."""

    action_id: int
    action_kind: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    owner: int | UnsetType | None = UNSET
    due_date: datetime | UnsetType | None = UNSET
    done: bool | UnsetType = UNSET


@fact("capa.action_removed")
class ActionRemoved(Event, frozen=True, kw_only=True):
    """An action is not to be done any more."""

    action_id: int


@fact("capa.attachment_added", numbered=NUMBERED)
class AttachmentAdded(FileAdded, frozen=True, kw_only=True):
    """A file was attached."""


@fact("capa.attachment_removed")
class AttachmentRemoved(FileRemoved, frozen=True, kw_only=True):
    """A file is no longer attached; it is kept, and the history shows it."""
