"""A CAPA as its clients see it: the shapes of the quality document, a list's and a detail's."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from domain.platform.users import User
from domain.quality.capa_facts import Action, Capa
from projections.attachment_views import AttachmentOut, attachments_out
from projections.links import SourceRef
from projections.shown import UserRef, seconds, user_ref


class CapaSummary(Struct, frozen=True):
    """A CAPA in a list."""

    id: int
    capa_number: str
    title: str
    description: str
    category: str
    priority: str
    department: str
    status: str
    source_type: str
    source_id: int | None
    owner: int | None
    initiated_by: int | None
    initiation_date: datetime
    target_completion_date: datetime | None


class ActionOut(Struct, frozen=True):
    """An action inside a CAPA; `kind` is CORRECTIVE or PREVENTIVE."""

    id: int
    kind: str
    description: str
    owner: int | None
    due_date: datetime | None
    done: bool


class CapaDetail(Struct, frozen=True):
    """A CAPA alone. `source` is shown where it is a record of ours."""

    id: int
    capa_number: str
    title: str
    description: str
    category: str
    priority: str
    department: str
    status: str
    source_type: str
    source_id: int | None
    source: SourceRef | None
    owner: UserRef | None
    initiated_by: UserRef | None
    initiation_date: datetime
    target_completion_date: datetime | None
    root_cause_analysis: str
    impact_assessment: str
    effectiveness_criteria: str
    verification_result: str
    closed_at: datetime | None
    updated_at: datetime
    actions: tuple[ActionOut, ...]
    attachments: tuple[AttachmentOut, ...]


def summary(it: Capa) -> CapaSummary:
    """Return a CAPA as a list shows it."""
    return CapaSummary(
        id=it.id,
        capa_number=it.number,
        title=it.title,
        description=it.description,
        category=it.category,
        priority=it.priority,
        department=it.department,
        status=it.status,
        source_type=it.source_type,
        source_id=it.source_id,
        owner=it.owner,
        initiated_by=it.initiated_by,
        initiation_date=seconds(it.initiated_at),
        target_completion_date=seconds(it.target_completion_date),
    )


def action_out(it: Action) -> ActionOut:
    """Return an action as its CAPA's detail shows it."""
    return ActionOut(
        id=it.id,
        kind=it.kind,
        description=it.description,
        owner=it.owner,
        due_date=seconds(it.due_date),
        done=it.done,
    )


def people_in(it: Capa) -> set[int]:
    """Return the ids of the users whose names a detail shows."""
    return {user for user in (it.initiated_by, it.owner) if user is not None}


def detail(it: Capa, people: Mapping[int, User], source: SourceRef | None = None, base: str = "") -> CapaDetail:
    """Return a CAPA as its detail shows it; the links to its files begin with `base`.

    source: what the CAPA follows from; one that it follows from no more is not shown.
    """
    return CapaDetail(
        id=it.id,
        capa_number=it.number,
        title=it.title,
        description=it.description,
        category=it.category,
        priority=it.priority,
        department=it.department,
        status=it.status,
        source_type=it.source_type,
        source_id=it.source_id,
        source=source if source and (source.type, source.id) == (it.source_type, it.source_id) else None,
        owner=user_ref(it.owner, people),
        initiated_by=user_ref(it.initiated_by, people),
        initiation_date=seconds(it.initiated_at),
        target_completion_date=seconds(it.target_completion_date),
        root_cause_analysis=it.root_cause_analysis,
        impact_assessment=it.impact_assessment,
        effectiveness_criteria=it.effectiveness_criteria,
        verification_result=it.verification_result,
        closed_at=seconds(it.closed_at),
        updated_at=seconds(it.updated_at),
        actions=tuple(action_out(action) for action in it.actions),
        attachments=attachments_out("capa", it, base),
    )
