"""How the facts of a deviation fold into its record: copying, no rule."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from domain.events import Recorded
from domain.given import own_fields
from domain.quality.attachments import with_added, with_removed
from domain.quality.deviation_facts import (
    OPEN,
    Approved,
    AttachmentAdded,
    AttachmentRemoved,
    Closed,
    DepartmentApproved,
    Deviation,
    DeviationCreated,
    DeviationUpdated,
    InformationProvided,
    InformationRequested,
    Investigation,
    InvestigationRecorded,
    InvestigationSubmitted,
    InvestigatorAssigned,
    InvestigatorReassigned,
    QaApproved,
    Reopened,
)
from domain.quality.folding import Changes, folding, given


def _created(event: DeviationCreated, recorded: Recorded) -> Deviation:
    return Deviation(
        id=event.id,
        number=event.number,
        stream=recorded.stream,
        version=recorded.version,
        status=event.to_state or OPEN,
        title=event.title,
        description=event.description,
        category=event.category,
        classification=event.classification,
        department=event.department,
        location=event.location,
        discovered_date=event.discovered_date,
        related_batch=event.related_batch,
        related_product=event.related_product,
        priority=event.priority,
        immediate_actions=event.immediate_actions,
        initiated_by=event.actor,
        initiated_at=recorded.at,
        due_date=event.due_date or _later(recorded.at, event.due_days),
        updated_at=recorded.at,
    )


def _later(at: datetime, days: int) -> datetime:
    try:
        return at + timedelta(days=days)
    except OverflowError:  # Folding never fails, however far the days that were recorded lead.
        return datetime.max.replace(tzinfo=UTC)


_EDITABLE = tuple(own_fields(DeviationUpdated))
_FOUND = ("root_cause_analysis", "investigation_method", "findings")


def _investigation_recorded(it: Deviation, event: InvestigationRecorded) -> dict[str, Any]:
    before = it.investigation or Investigation(id=event.investigation_id)
    return {"investigation": replace(before, **given(event, _FOUND))}


def _submitted(it: Deviation, event: InvestigationSubmitted, at: datetime) -> dict[str, Any]:
    done = it.investigation and replace(it.investigation, completed_at=at)
    return {"chain": event.chain, "approvals": (), "submitted_by": event.actor, "investigation": done}


_CHANGES: Changes[Deviation] = {
    DeviationUpdated: lambda it, e, at: given(e, _EDITABLE),
    InvestigationRecorded: lambda it, e, at: _investigation_recorded(it, e),
    InvestigatorAssigned: lambda it, e, at: {"investigator": e.investigator},
    InvestigatorReassigned: lambda it, e, at: {"investigator": e.investigator},
    InvestigationSubmitted: _submitted,
    DepartmentApproved: lambda it, e, at: {"approvals": (*it.approvals, e.actor)},
    QaApproved: lambda it, e, at: {"approvals": (*it.approvals, e.actor)},
    Approved: lambda it, e, at: {"approvals": (*it.approvals, e.actor)},
    InformationRequested: lambda it, e, at: {"asked_in": e.from_state, "question": e.question, "answer": ""},
    InformationProvided: lambda it, e, at: {"asked_in": None, "answer": e.answer},
    Closed: lambda it, e, at: {"closed_at": at},
    Reopened: lambda it, e, at: {"closed_at": None},
    AttachmentAdded: lambda it, e, at: {"attachments": with_added(it.attachments, e, at)},
    AttachmentRemoved: lambda it, e, at: {"attachments": with_removed(it.attachments, e)},
}

evolve = folding(DeviationCreated, _created, _CHANGES)
