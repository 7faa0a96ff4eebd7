"""The facts of a deviation, and its record. Nothing here ever changes its meaning."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from domain.events import Event, fact
from domain.quality.attachments import NUMBERED, Attachment, FileAdded, FileRemoved

OPEN = "OPEN"
UNDER_INVESTIGATION = "UNDER_INVESTIGATION"
INFORMATION_REQUESTED = "INFORMATION_REQUESTED"
PENDING_DEPARTMENT_REVIEW = "PENDING_DEPARTMENT_REVIEW"
PENDING_QA_REVIEW = "PENDING_QA_REVIEW"
PENDING_MANAGEMENT_APPROVAL = "PENDING_MANAGEMENT_APPROVAL"
APPROVED = "APPROVED"
CLOSED = "CLOSED"
CANCELLED = "CANCELLED"


class Investigation(Struct, frozen=True, kw_only=True):
    """What was found out; `completed_at` is when it was last submitted."""

    id: int
    root_cause_analysis: str = ""
    investigation_method: str = ""
    findings: str = ""
    completed_at: datetime | None = None


class Deviation(Struct, frozen=True, kw_only=True):
    """A deviation as folded from its events. Times are UTC."""

    id: int
    number: str
    stream: UUID
    version: int
    status: str
    title: str
    description: str
    category: str
    classification: str
    department: str
    location: str
    discovered_date: datetime | None
    related_batch: str
    related_product: str
    priority: str
    immediate_actions: str
    initiated_by: int | None
    initiated_at: datetime
    due_date: datetime
    updated_at: datetime
    investigator: int | None = None
    submitted_by: int | None = None
    investigation: Investigation | None = None
    #: The reviews that this round takes, as configured when the investigation was submitted.
    chain: tuple[str, ...] = ()
    #: Who approved in this round.
    approvals: tuple[int | None, ...] = ()
    #: The review that waits for information; the last question that was asked, and its answer.
    asked_in: str | None = None
    question: str = ""
    answer: str = ""
    closed_at: datetime | None = None
    #: Those that were removed too, marked.
    attachments: tuple[Attachment, ...] = ()


class WantedCapa(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The CAPA that closing asks for: all that it says at first, but that it follows from the deviation."""

    title: str
    description: str
    category: str = ""
    priority: str = "MEDIUM"
    department: str
    target_completion_date: datetime | None = None
    root_cause_analysis: str = ""
    impact_assessment: str = ""
    effectiveness_criteria: str = ""


@fact("deviation.created", numbered={"id": "deviation", "number": "DEV-{year}-{n:04d}"})
class DeviationCreated(Event, frozen=True, kw_only=True):
    """A deviation was reported. Due at `due_date` where one was given, else `due_days` after it was recorded."""

    id: int = 0
    number: str = ""
    title: str
    description: str
    category: str
    classification: str
    department: str
    location: str = ""
    discovered_date: datetime | None = None
    related_batch: str = ""
    related_product: str = ""
    priority: str = "MEDIUM"
    immediate_actions: str = ""
    due_date: datetime | None = None
    due_days: int = 0


@fact("deviation.updated")
class DeviationUpdated(Event, frozen=True, kw_only=True):
    """Fields were changed; those not named are as they were."""

    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    classification: str | UnsetType = UNSET
    department: str | UnsetType = UNSET
    location: str | UnsetType = UNSET
    discovered_date: datetime | UnsetType | None = UNSET
    related_batch: str | UnsetType = UNSET
    related_product: str | UnsetType = UNSET
    priority: str | UnsetType = UNSET
    immediate_actions: str | UnsetType = UNSET
    due_date: datetime | UnsetType = UNSET


@fact("deviation.investigation_recorded", numbered={"investigation_id": "investigation"})
class InvestigationRecorded(Event, frozen=True, kw_only=True):
    """Something was found out and written down. `investigation_id` is allotted the first time."""

    investigation_id: int = 0
    root_cause_analysis: str | UnsetType = UNSET
    investigation_method: str | UnsetType = UNSET
    findings: str | UnsetType = UNSET


@fact("deviation.investigator_assigned")
class InvestigatorAssigned(Event, frozen=True, kw_only=True):
    """Somebody is to find out."""

    investigator: int


@fact("deviation.investigator_reassigned")
class InvestigatorReassigned(Event, frozen=True, kw_only=True):
    """Somebody else is to find out."""

    investigator: int


@fact("deviation.investigation_submitted")
class InvestigationSubmitted(Event, frozen=True, kw_only=True):
    """The investigation goes to review, along `chain`."""

    chain: tuple[str, ...]


@fact("deviation.department_approved")
class DepartmentApproved(Event, frozen=True, kw_only=True):
    """The head of the department agrees."""


@fact("deviation.qa_approved")
class QaApproved(Event, frozen=True, kw_only=True):
    """Quality assurance agrees."""


@fact("deviation.approved")
class Approved(Event, frozen=True, kw_only=True):
    """Management agrees."""


@fact("deviation.rejected")
class Rejected(Event, frozen=True, kw_only=True):
    """A review does not agree; a new round begins."""


@fact("deviation.information_requested")
class InformationRequested(Event, frozen=True, kw_only=True):
    """A review asks something of the investigator."""

    question: str


@fact("deviation.information_provided")
class InformationProvided(Event, frozen=True, kw_only=True):
    """The investigator answers; the review that asked goes on."""

    answer: str


@fact("deviation.closed")
class Closed(Event, frozen=True, kw_only=True):
    """All is done; the CAPA that is wanted, if one is, is opened by a follow-up."""

    open_capa: WantedCapa | None = None


@fact("deviation.reopened")
class Reopened(Event, frozen=True, kw_only=True):
    """It was not all done."""


@fact("deviation.cancelled")
class Cancelled(Event, frozen=True, kw_only=True):
    """It was none, or is not pursued. Nothing is erased."""


@fact("deviation.attachment_added", numbered=NUMBERED)
class AttachmentAdded(FileAdded, frozen=True, kw_only=True):
    """A file was attached."""


@fact("deviation.attachment_removed")
class AttachmentRemoved(FileRemoved, frozen=True, kw_only=True):
    """A file is no longer attached; it is kept, and the history shows it."""
