"""A deviation as its clients see it: the shapes of the quality document, a list's and a detail's."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from domain.platform.users import User
from domain.quality.deviation_facts import Deviation
from projections.attachment_views import AttachmentOut, attachments_out
from projections.links import CapaRef
from projections.shown import UserRef, seconds, user_ref


class DeviationSummary(Struct, frozen=True):
    """A deviation in a list."""

    id: int
    deviation_number: str
    title: str
    description: str
    category: str
    classification: str
    department: str
    status: str
    priority: str
    initiated_by: int | None
    initiation_date: datetime
    due_date: datetime


class InvestigationOut(Struct, frozen=True):
    """An investigation inside a deviation."""

    id: int
    root_cause_analysis: str
    investigation_method: str
    findings: str
    completed_at: datetime | None


class DeviationDetail(Struct, frozen=True):
    """A deviation alone."""

    id: int
    deviation_number: str
    title: str
    description: str
    category: str
    classification: str
    department: str
    location: str
    status: str
    priority: str
    initiated_by: UserRef | None
    initiation_date: datetime
    discovered_date: datetime | None
    due_date: datetime
    related_batch: str
    related_product: str
    immediate_actions: str
    investigator: UserRef | None
    question: str
    answer: str
    closed_at: datetime | None
    updated_at: datetime
    attachments: tuple[AttachmentOut, ...]
    investigation: InvestigationOut | None
    capas: tuple[CapaRef, ...]


def summary(it: Deviation) -> DeviationSummary:
    """Return a deviation as a list shows it."""
    return DeviationSummary(
        id=it.id,
        deviation_number=it.number,
        title=it.title,
        description=it.description,
        category=it.category,
        classification=it.classification,
        department=it.department,
        status=it.status,
        priority=it.priority,
        initiated_by=it.initiated_by,
        initiation_date=seconds(it.initiated_at),
        due_date=seconds(it.due_date),
    )


def investigation_out(it: Deviation) -> InvestigationOut | None:
    """Return what was found out as a detail shows it."""
    found = it.investigation
    if found is None:
        return None
    return InvestigationOut(
        id=found.id,
        root_cause_analysis=found.root_cause_analysis,
        investigation_method=found.investigation_method,
        findings=found.findings,
        completed_at=seconds(found.completed_at),
    )


def people_in(it: Deviation) -> set[int]:
    """Return the ids of the users whose names a detail shows."""
    return {user for user in (it.initiated_by, it.investigator) if user is not None}


def detail(
    it: Deviation, people: Mapping[int, User], capas: tuple[CapaRef, ...] = (), base: str = ""
) -> DeviationDetail:
    """Return a deviation as its detail shows it, with the CAPAs that follow from it; `base`: where we are reached."""
    return DeviationDetail(
        id=it.id,
        deviation_number=it.number,
        title=it.title,
        description=it.description,
        category=it.category,
        classification=it.classification,
        department=it.department,
        location=it.location,
        status=it.status,
        priority=it.priority,
        initiated_by=user_ref(it.initiated_by, people),
        initiation_date=seconds(it.initiated_at),
        discovered_date=seconds(it.discovered_date),
        due_date=seconds(it.due_date),
        related_batch=it.related_batch,
        related_product=it.related_product,
        immediate_actions=it.immediate_actions,
        investigator=user_ref(it.investigator, people),
        question=it.question,
        answer=it.answer,
        closed_at=seconds(it.closed_at),
        updated_at=seconds(it.updated_at),
        attachments=attachments_out("deviation", it, base),
        investigation=investigation_out(it),
        capas=capas,
    )
