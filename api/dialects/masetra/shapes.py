"""What Masetra's clients send and get of deviations."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.dialects.masetra.forms import Page
from api.fields import END
from domain.workflow import Offer
from projections.deviation_views import DeviationSummary

Line = Annotated[str, Meta(min_length=1, max_length=200)]
Short = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(min_length=1, max_length=20_000)]
Long = Annotated[str, Meta(max_length=20_000)]
Sentence = Annotated[str, Meta(min_length=1, max_length=2_000)]
Category = Literal["PROCEDURAL", "EQUIPMENT", "MATERIAL", "ENVIRONMENTAL", "OTHER"]
Classification = Literal["CRITICAL", "MAJOR", "MINOR"]
Priority = Literal["LOW", "MEDIUM", "HIGH", "URGENT"]
Method = Literal["FIVE_WHYS", "FISHBONE", "CHECKLIST", "OTHER"]
Status = Literal[
    "OPEN",
    "UNDER_INVESTIGATION",
    "INFORMATION_REQUESTED",
    "PENDING_DEPARTMENT_REVIEW",
    "PENDING_QA_REVIEW",
    "PENDING_MANAGEMENT_APPROVAL",
    "APPROVED",
    "CLOSED",
    "CANCELLED",
]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class DeviationIn(Struct, frozen=True, kw_only=True):
    """A deviation as it is reported."""

    title: Line
    description: Text
    category: Category
    classification: Classification
    department: Line
    location: Short = ""
    discovered_date: datetime | None = None
    related_batch: Short = ""
    related_product: Short = ""
    priority: Priority = "MEDIUM"
    immediate_actions: Long = ""
    due_date: datetime | None = None


class SignatureIn(Struct, frozen=True):
    """The signer's password again, and what the signature means."""

    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    meaning: Annotated[str, Meta(min_length=1, max_length=500)]


class DeviationChange(Struct, frozen=True, kw_only=True):
    """Fields to change; those that are not given stay. `status` fires the one transition that leads there."""

    title: Line | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    category: Category | UnsetType = UNSET
    classification: Classification | UnsetType = UNSET
    department: Line | UnsetType = UNSET
    location: Short | UnsetType = UNSET
    discovered_date: datetime | UnsetType | None = UNSET
    related_batch: Short | UnsetType = UNSET
    related_product: Short | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    immediate_actions: Long | UnsetType = UNSET
    due_date: datetime | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    investigator: Id | UnsetType = UNSET
    question: Sentence | UnsetType = UNSET
    answer: Sentence | UnsetType = UNSET
    comment: Sentence | None = None
    reason: Sentence | None = None
    signature: SignatureIn | None = None


class TransitionIn(Struct, frozen=True, kw_only=True):
    """A transition to fire, with the step's own fields beside it."""

    transition: Annotated[str, Meta(min_length=1, max_length=100)]
    comment: Sentence | None = None
    reason: Sentence | None = None
    signature: SignatureIn | None = None
    investigator: Id | UnsetType = UNSET
    question: Sentence | UnsetType = UNSET
    answer: Sentence | UnsetType = UNSET


class InvestigationIn(Struct, frozen=True, kw_only=True):
    """What was found out; fields that are not given stay."""

    root_cause_analysis: Text | UnsetType = UNSET
    investigation_method: Method | UnsetType = UNSET
    findings: Text | UnsetType = UNSET
    comment: Sentence | None = None
    reason: Sentence | None = None


class RemovalIn(Struct, frozen=True):
    """Why it is removed."""

    reason: Sentence | None = None


class RemovalQuery(Struct, frozen=True):
    """Why it is removed, in the query."""

    reason: Sentence | None = None


class DeviationQuery(Page, frozen=True, kw_only=True):
    """What a list of deviations is filtered by. A date means that UTC day, both ends in."""

    status: Short | None = None
    department: Short | None = None
    date_from: datetime | None = None
    date_to: Annotated[datetime | None, END] = None


class DeviationPage(Struct, frozen=True):
    """A page of deviations."""

    count: int
    next: str | None
    previous: str | None
    results: list[DeviationSummary]


class TransitionsOut(Struct, frozen=True):
    """What may be fired now, and for the rest why not."""

    status: str
    transitions: list[Offer]


class ActorOut(Struct, frozen=True):
    """Who did it."""

    id: int
    username: str
    display_name: str


class SourceOut(Struct, frozen=True):
    """Where it came from."""

    address: str | None
    token_id: str | None


class ChangeOut(Struct, frozen=True):
    """A field before and after."""

    field: str
    before: Any
    after: Any


class SignatureOut(Struct, frozen=True):
    """An electronic signature; `valid`: its seal and the hash of what was signed hold."""

    by: int
    name: str
    at: datetime
    meaning: str
    hash: str
    valid: bool


class HistoryEntry(Struct, frozen=True, rename={"from_state": "from", "to_state": "to"}):
    """One event of a record."""

    position: int
    version: int
    event: str
    at: datetime
    actor: ActorOut | None
    source: SourceOut
    from_state: str | None
    to_state: str | None
    comment: str | None
    reason: str | None
    changes: list[ChangeOut]
    signature: SignatureOut | None


class HistoryPage(Struct, frozen=True):
    """A page of a record's history, oldest first."""

    count: int
    next: str | None
    previous: str | None
    results: list[HistoryEntry]
