"""What Masetra's clients send and get of deviations."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.dialects.masetra.forms import PageAsOf
from api.fields import END, LINE
from api.records.shapes import Because, Firing, HistoryEntry, Moving, Sentence, Words
from projections.capa_views import CapaDetail
from projections.deviation_views import DeviationDetail, DeviationSummary

Line = Annotated[str, Meta(min_length=1, max_length=200), LINE]
Short = Annotated[str, Meta(max_length=200), LINE]
Text = Annotated[str, Meta(min_length=1, max_length=20_000)]
Long = Annotated[str, Meta(max_length=20_000)]
Category = Literal["PROCEDURAL", "EQUIPMENT", "MATERIAL", "ENVIRONMENTAL", "OTHER"]
MaybeCategory = Literal["PROCEDURAL", "EQUIPMENT", "MATERIAL", "ENVIRONMENTAL", "OTHER", ""]
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


class WantedCapaIn(Struct, frozen=True, kw_only=True):
    """A CAPA that is to follow from the deviation that is closed."""

    title: Line
    description: Text
    priority: Priority = "MEDIUM"
    department: Line
    target_completion_date: datetime | None = None
    category: MaybeCategory = ""
    root_cause_analysis: Long = ""
    impact_assessment: Long = ""
    effectiveness_criteria: Long = ""


class DeviationChange(Moving, frozen=True, kw_only=True):
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
    open_capa: WantedCapaIn | UnsetType | None = UNSET


class DeviationTransition(Firing, frozen=True, kw_only=True):
    """A transition of a deviation to fire, with the step's own fields beside it."""

    investigator: Id | UnsetType = UNSET
    question: Sentence | UnsetType = UNSET
    answer: Sentence | UnsetType = UNSET
    open_capa: WantedCapaIn | UnsetType | None = UNSET


class InvestigationIn(Words, frozen=True, kw_only=True):
    """What was found out; fields that are not given stay."""

    root_cause_analysis: Text | UnsetType = UNSET
    investigation_method: Method | UnsetType = UNSET
    findings: Text | UnsetType = UNSET


class RemovalIn(Because, frozen=True):
    """Why it is removed."""


class RemovalQuery(Because, frozen=True):
    """Why it is removed, in the query."""


class DeviationQuery(PageAsOf, frozen=True, kw_only=True):
    """What a list of deviations is filtered by. A date means that UTC day, both ends in."""

    status: Short | None = None
    department: Short | None = None
    date_from: datetime | None = None
    date_to: Annotated[datetime | None, END] = None


class DeviationMoved(DeviationDetail, frozen=True, kw_only=True):
    """A deviation after a change. `open_capa`, where closing asked for a CAPA: that one, or null before it is there."""

    open_capa: CapaDetail | UnsetType | None = UNSET


class DeviationPage(Struct, frozen=True):
    """A page of deviations."""

    count: int
    next: str | None
    previous: str | None
    results: list[DeviationSummary]


class HistoryPage(Struct, frozen=True):
    """A page of a record's history, oldest first."""

    count: int
    next: str | None
    previous: str | None
    results: list[HistoryEntry]
