"""The deviation's workflow: one table, to be read aloud."""

from datetime import timedelta
from typing import Any

from domain.errors import Fault, InvalidInput
from domain.events import Attempt, Event
from domain.given import overwritten
from domain.quality import deviation_facts as facts
from domain.quality.config import REVIEWS, QualityConfig
from domain.quality.deviation_facts import (
    APPROVED,
    CANCELLED,
    CLOSED,
    INFORMATION_REQUESTED,
    OPEN,
    PENDING_DEPARTMENT_REVIEW,
    PENDING_MANAGEMENT_APPROVAL,
    PENDING_QA_REVIEW,
    UNDER_INVESTIGATION,
    Deviation,
)
from domain.quality.deviation_fold import evolve
from domain.quality.deviation_rules import (
    APPROVERS,
    DEPARTMENT_HEAD,
    FRESH_EYES,
    INVESTIGATED,
    INVESTIGATOR,
    MANAGER,
    MAY_INVESTIGATE,
    NOT_INITIATOR,
    NOT_INVESTIGATOR,
    PARTICIPANTS,
    PENDING,
    QA_MANAGER,
    REPORTER,
    REPORTS,
    TOP_MANAGEMENT,
    asking_review,
    next_review,
)
from domain.quality.follow_up import wanted_faults
from domain.quality.vocabulary import CHOICES
from domain.workflow import Data, Step, Workflow

_INVESTIGATING = (UNDER_INVESTIGATION, INFORMATION_REQUESTED)
_DESCRIBED = (OPEN, UNDER_INVESTIGATION)
_LATE = frozenset({UNDER_INVESTIGATION})
_UNDECIDED = (OPEN, *_INVESTIGATING, *PENDING)

DEVIATIONS: Workflow[Deviation] = Workflow(
    kind="deviation",
    states=(OPEN, UNDER_INVESTIGATION, INFORMATION_REQUESTED, *PENDING, APPROVED, CLOSED, CANCELLED),
    creation=Step(
        "create",
        (),
        OPEN,
        facts.DeviationCreated,
        (REPORTS,),
        requires=("title", "description", "category", "classification", "department"),
    ),
    steps=(
        Step(
            "assign_investigator",
            (OPEN,),
            UNDER_INVESTIGATION,
            facts.InvestigatorAssigned,
            (MANAGER,),
            guards=(MAY_INVESTIGATE,),
            requires=("investigator",),
        ),
        Step(
            "reassign_investigator",
            _INVESTIGATING,
            None,
            facts.InvestigatorReassigned,
            (MANAGER,),
            guards=(MAY_INVESTIGATE,),
            requires=("investigator", "reason"),
        ),
        Step(
            "submit_investigation",
            (UNDER_INVESTIGATION,),
            PENDING_DEPARTMENT_REVIEW,
            facts.InvestigationSubmitted,
            (INVESTIGATOR,),
            guards=(INVESTIGATED,),
        ),
        Step(
            "approve_department",
            (PENDING_DEPARTMENT_REVIEW,),
            (PENDING_QA_REVIEW, APPROVED),
            facts.DepartmentApproved,
            (DEPARTMENT_HEAD,),
            guards=(NOT_INVESTIGATOR, FRESH_EYES),
            signed=True,
            choose=next_review,
        ),
        Step(
            "approve_qa",
            (PENDING_QA_REVIEW,),
            (PENDING_MANAGEMENT_APPROVAL, APPROVED),
            facts.QaApproved,
            (QA_MANAGER,),
            guards=(NOT_INVESTIGATOR, FRESH_EYES),
            signed=True,
            choose=next_review,
        ),
        Step(
            "approve",
            (PENDING_MANAGEMENT_APPROVAL,),
            APPROVED,
            facts.Approved,
            (TOP_MANAGEMENT,),
            guards=(NOT_INVESTIGATOR, NOT_INITIATOR, FRESH_EYES),
            signed=True,
        ),
        Step("reject", PENDING, UNDER_INVESTIGATION, facts.Rejected, APPROVERS, requires=("reason",)),
        Step(
            "request_information",
            PENDING,
            INFORMATION_REQUESTED,
            facts.InformationRequested,
            APPROVERS,
            requires=("question",),
        ),
        Step(
            "provide_information",
            (INFORMATION_REQUESTED,),
            PENDING,
            facts.InformationProvided,
            (INVESTIGATOR,),
            requires=("answer",),
            choose=asking_review,
        ),
        Step("close", (APPROVED,), CLOSED, facts.Closed, (MANAGER,), signed=True, check=wanted_faults),
        Step("reopen", (CLOSED,), UNDER_INVESTIGATION, facts.Reopened, (MANAGER,), requires=("reason",), signed=True),
        Step("cancel", (OPEN, *_INVESTIGATING), CANCELLED, facts.Cancelled, (MANAGER,), requires=("reason",)),
        Step("edit", _DESCRIBED, None, facts.DeviationUpdated, (REPORTER, MANAGER), reason_in=_LATE, edit=True),
        Step("classify", _DESCRIBED, None, facts.DeviationUpdated, (MANAGER,), reason_in=_LATE, edit=True),
        Step(
            "record_investigation",
            _INVESTIGATING,
            None,
            facts.InvestigationRecorded,
            (INVESTIGATOR, MANAGER),
            reason_over=frozenset(_INVESTIGATING),
            overwrites=lambda it, data: overwritten(it.investigation, data),
            edit=True,
        ),
        Step("attach", _UNDECIDED, None, facts.AttachmentAdded, PARTICIPANTS, edit=True),
        Step(
            "detach",
            (OPEN, *_INVESTIGATING),
            None,
            facts.AttachmentRemoved,
            PARTICIPANTS,
            requires=("reason",),
            edit=True,
        ),
    ),
    evolve=evolve,
    choices=CHOICES,
)

_CLASSIFYING = frozenset({"classification", "due_date"})


def report(attempt: Attempt, data: Data, config: QualityConfig) -> Event:
    """Return the fact of a new deviation; due as configured for its classification where no date is given."""
    return DEVIATIONS.create(attempt, {**data, "due_days": _due_days(config, data.get("classification"))})


def advance(it: Deviation, step: Step[Deviation], attempt: Attempt, data: Data, config: QualityConfig) -> Event:
    """Return the fact of a transition; submitting reads the chain of approvals that its round takes."""
    # A classification that is not configured any more takes every review.
    chain = {"chain": config.chains.get(it.classification, REVIEWS)}
    return DEVIATIONS.decide(step, it, attempt, {**data, **chain} if step.trigger == "submit_investigation" else data)


def revise(it: Deviation, attempt: Attempt, changes: Data, config: QualityConfig) -> Event:
    """Return the fact of changed fields. A new classification moves the due date, unless one is given with it.

    Raises Denied, InvalidInput (also where nothing is changed) and Conflict as `Workflow.decide` does.
    """
    steps = revising(changes)
    if not steps:
        raise InvalidInput([Fault("", "There is nothing to change.")])
    for step in steps:
        DEVIATIONS.authorize(step, it, attempt.actor)
    due = {}
    if "classification" in changes and "due_date" not in changes:
        due["due_date"] = it.initiated_at + timedelta(days=_due_days(config, changes["classification"]))
    return DEVIATIONS.decide(steps[-1], it, attempt, {**changes, **due})


def revising(changes: Data) -> list[Step[Deviation]]:
    """Return the steps that changing these fields takes: describing is one thing, classifying another."""
    names = [
        *(["edit"] if changes.keys() - _CLASSIFYING else []),
        *(["classify"] if changes.keys() & _CLASSIFYING else []),
    ]
    return [DEVIATIONS.step(name) for name in names]


def record_findings(it: Deviation, attempt: Attempt, changes: Data) -> Event:
    """Return the fact of what was found out; the investigation's id is allotted the first time."""
    known = {"investigation_id": it.investigation.id} if it.investigation else {}
    return DEVIATIONS.decide(DEVIATIONS.step("record_investigation"), it, attempt, {**changes, **known})


def _due_days(config: QualityConfig, classification: Any) -> int:
    # What is no classification is refused as a fault of the input, in its turn.
    return config.due_days.get(classification, 0) if isinstance(classification, str) else 0
