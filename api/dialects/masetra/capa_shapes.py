"""What Masetra's clients send and get of CAPAs."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Struct, UnsetType

from api.dialects.masetra.forms import PageAsOf
from api.dialects.masetra.shapes import Id, Line, Long, MaybeCategory, Priority, Short, Text, WantedCapaIn
from api.fields import END
from api.records.shapes import Firing, Moving, Words
from projections.capa_views import ActionOut, CapaSummary

SourceType = Literal["DEVIATION", "AUDIT", "COMPLAINT", "MANUAL"]
ActionKind = Literal["CORRECTIVE", "PREVENTIVE"]
Status = Literal[
    "INITIATED",
    "INVESTIGATION",
    "ACTION_PLANNING",
    "IMPLEMENTATION",
    "EFFECTIVENESS_CHECK",
    "APPROVED",
    "CLOSED",
    "CANCELLED",
]


class CapaIn(WantedCapaIn, frozen=True, kw_only=True):
    """A CAPA as it is opened."""

    source_type: SourceType = "MANUAL"
    source_id: Id | None = None


class CapaChange(Moving, frozen=True, kw_only=True):
    """Fields to change; those that are not given stay. `status` fires the one transition that leads there."""

    title: Line | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    department: Line | UnsetType = UNSET
    target_completion_date: datetime | UnsetType | None = UNSET
    source_type: SourceType | UnsetType = UNSET
    source_id: Id | UnsetType | None = UNSET
    category: MaybeCategory | UnsetType = UNSET
    root_cause_analysis: Long | UnsetType = UNSET
    impact_assessment: Long | UnsetType = UNSET
    effectiveness_criteria: Long | UnsetType = UNSET
    verification_result: Long | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    owner: Id | UnsetType = UNSET


class CapaTransition(Firing, frozen=True, kw_only=True):
    """A transition of a CAPA to fire, with the step's own fields beside it."""

    owner: Id | UnsetType = UNSET


class CapaQuery(PageAsOf, frozen=True, kw_only=True):
    """What a list of CAPAs is filtered by. A date means that UTC day, both ends in.

    overdue: `true`: open, and past the target completion date; `false`: all others.
    """

    status: Short | None = None
    department: Short | None = None
    priority: Short | None = None
    source_type: Short | None = None
    source_id: Id | None = None
    owner: Id | None = None
    date_from: datetime | None = None
    date_to: Annotated[datetime | None, END] = None
    overdue: Literal["true", "false"] | None = None


class CapaPage(Struct, frozen=True):
    """A page of CAPAs."""

    count: int
    next: str | None
    previous: str | None
    results: list[CapaSummary]


class ActionIn(Words, frozen=True, kw_only=True):
    """An action to plan."""

    kind: ActionKind
    description: Text
    owner: Id | None = None
    due_date: datetime | None = None
    done: bool = False


class ActionChange(Words, frozen=True, kw_only=True):
    """What of an action to change; fields that are not given stay."""

    kind: ActionKind | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    owner: Id | UnsetType | None = UNSET
    due_date: datetime | UnsetType | None = UNSET
    done: bool | UnsetType = UNSET


class ActionPage(Struct, frozen=True):
    """A page of a CAPA's actions, oldest first."""

    count: int
    next: str | None
    previous: str | None
    results: list[ActionOut]
