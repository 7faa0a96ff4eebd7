"""The CAPA's workflow: one table, to be read aloud."""

from domain.errors import Fault, InvalidInput
from domain.events import Attempt, Event
from domain.given import overwritten
from domain.quality import capa_facts as facts
from domain.quality.capa_facts import (
    ACTION_PLANNING,
    APPROVED,
    CANCELLED,
    CLOSED,
    EFFECTIVENESS_CHECK,
    IMPLEMENTATION,
    INITIATED,
    INVESTIGATION,
    Capa,
)
from domain.quality.capa_fold import evolve
from domain.quality.capa_rules import (
    ACTION_OWNER,
    ACTIVE_OWNER,
    ANALYSED,
    APPROVER,
    CHANGING,
    DONE,
    DONE_WHEN_DUE,
    MANAGER,
    MAY_OWN,
    NOT_DONE,
    NOT_OWNER,
    NOT_TOO_MANY,
    OPENS,
    OWNED,
    OWNER,
    PARTICIPANTS,
    PLANNED,
    STAYS_PLANNED,
    VERIFIED,
    replaces_owner,
    replans,
    source_faults,
    takes_back,
)
from domain.quality.vocabulary import CAPA_CHOICES
from domain.workflow import Data, Step, Workflow

_UNDECIDED = (*CHANGING, EFFECTIVENESS_CHECK)
#: What was signed when the implementation began is changed with a reason.
_AGREED = frozenset({IMPLEMENTATION})
#: Once it is under way, what was recorded is changed and removed with a reason.
_UNDER_WAY = frozenset({INVESTIGATION, ACTION_PLANNING, IMPLEMENTATION})
_BEGUN = _UNDER_WAY | {EFFECTIVENESS_CHECK}

CAPAS: Workflow[Capa] = Workflow(
    kind="capa",
    states=(*_UNDECIDED, APPROVED, CLOSED, CANCELLED),
    creation=Step(
        "create",
        (),
        INITIATED,
        facts.CapaCreated,
        (OPENS,),
        requires=("title", "description", "department"),
        check=source_faults,
    ),
    steps=(
        Step(
            "assign_owner",
            (*_UNDECIDED, APPROVED),
            None,
            facts.OwnerAssigned,
            (MANAGER,),
            guards=(MAY_OWN,),
            requires=("owner",),
            reason_over=_BEGUN | {APPROVED},
            overwrites=replaces_owner,
        ),
        Step(
            "start_investigation",
            (INITIATED,),
            INVESTIGATION,
            facts.InvestigationStarted,
            (MANAGER, OWNER),
            guards=(OWNED,),
        ),
        Step("plan_actions", (INVESTIGATION,), ACTION_PLANNING, facts.PlanningStarted, (OWNER,), guards=(ANALYSED,)),
        Step(
            "start_implementation",
            (ACTION_PLANNING,),
            IMPLEMENTATION,
            facts.ImplementationStarted,
            (MANAGER,),
            guards=(PLANNED,),
            signed=True,
        ),
        Step(
            "verify_effectiveness",
            (IMPLEMENTATION,),
            EFFECTIVENESS_CHECK,
            facts.EffectivenessCheckStarted,
            (OWNER,),
            guards=(DONE,),
        ),
        Step(
            "mark_ineffective",
            (EFFECTIVENESS_CHECK,),
            ACTION_PLANNING,
            facts.MarkedIneffective,
            (MANAGER,),
            requires=("reason",),
        ),
        Step(
            "approve",
            (EFFECTIVENESS_CHECK,),
            APPROVED,
            facts.Approved,
            (APPROVER,),
            guards=(VERIFIED, NOT_OWNER),
            signed=True,
        ),
        Step("close", (APPROVED,), CLOSED, facts.Closed, (MANAGER,), signed=True),
        Step("reopen", (CLOSED,), INVESTIGATION, facts.Reopened, (MANAGER,), requires=("reason",), signed=True),
        Step("cancel", _UNDECIDED, CANCELLED, facts.Cancelled, (MANAGER,), requires=("reason",)),
        Step(
            "edit",
            _UNDECIDED,
            None,
            facts.CapaUpdated,
            (OWNER, MANAGER),
            reason_over=_BEGUN,
            overwrites=overwritten,
            check=source_faults,
            edit=True,
        ),
        Step(
            "add_action",
            CHANGING,
            None,
            facts.ActionAdded,
            (OWNER, MANAGER),
            guards=(ACTIVE_OWNER, STAYS_PLANNED, NOT_TOO_MANY, DONE_WHEN_DUE),
            requires=("action_kind", "description"),
            reason_in=_AGREED,
            edit=True,
        ),
        Step(
            "change_action",
            CHANGING,
            None,
            facts.ActionChanged,
            (OWNER, MANAGER),
            guards=(ACTIVE_OWNER, STAYS_PLANNED),
            reason_in=_AGREED,
            reason_over=_UNDER_WAY,
            overwrites=replans,
            edit=True,
        ),
        Step(
            "mark_action",
            (IMPLEMENTATION,),
            None,
            facts.ActionChanged,
            (OWNER, MANAGER, ACTION_OWNER),
            reason_over=_AGREED,
            overwrites=takes_back,
            edit=True,
        ),
        Step(
            "remove_action",
            CHANGING,
            None,
            facts.ActionRemoved,
            (OWNER, MANAGER),
            guards=(NOT_DONE,),
            reason_in=_UNDER_WAY,
            edit=True,
        ),
        Step("attach", _UNDECIDED, None, facts.AttachmentAdded, PARTICIPANTS, edit=True),
        Step(
            "detach",
            CHANGING,
            None,
            facts.AttachmentRemoved,
            PARTICIPANTS,
            requires=("reason",),
            edit=True,
        ),
    ),
    evolve=evolve,
    choices=CAPA_CHOICES,
)


def open_capa(attempt: Attempt, data: Data) -> Event:
    """Return the fact of a new CAPA. Whether the source that it names is there is for the caller to know."""
    return CAPAS.create(attempt, data)


def advance(it: Capa, step: Step[Capa], attempt: Attempt, data: Data) -> Event:
    """Return the fact of a transition."""
    return CAPAS.decide(step, it, attempt, data)


def revise(it: Capa, attempt: Attempt, changes: Data) -> Event:
    """Return the fact of changed fields. Another kind of source comes with an id of its own, or with none.

    Raises Denied, InvalidInput (also where nothing is changed) and Conflict as `Workflow.decide` does.
    """
    if not changes:
        raise InvalidInput([Fault("", "There is nothing to change.")])
    moved = changes.get("source_type", it.source_type) != it.source_type
    return CAPAS.decide(CAPAS.step("edit"), it, attempt, {"source_id": None, **changes} if moved else changes)


def revising(changes: Data) -> list[Step[Capa]]:
    """Return the steps that changing these fields takes."""
    return [CAPAS.step("edit")] if changes else []
