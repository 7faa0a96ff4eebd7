"""Who may do what with a deviation, and the guards of its steps: conditions that the table names."""

from domain.events import Actor, Attempt
from domain.given import blank
from domain.quality.config import DEPARTMENT, MANAGEMENT, QA
from domain.quality.deviation_facts import (
    APPROVED,
    OPEN,
    PENDING_DEPARTMENT_REVIEW,
    PENDING_MANAGEMENT_APPROVAL,
    PENDING_QA_REVIEW,
    Deviation,
)
from domain.table import Data, Guard, Who

#: Where a deviation waits for each review.
WAITS_IN = {
    DEPARTMENT: PENDING_DEPARTMENT_REVIEW,
    QA: PENDING_QA_REVIEW,
    MANAGEMENT: PENDING_MANAGEMENT_APPROVAL,
}
PENDING = tuple(WAITS_IN.values())


def next_review(it: Deviation) -> str:
    """Return where the chain that was read at submission leads from here: the next review, or APPROVED at its end."""
    waits = [WAITS_IN[review] for review in it.chain if review in WAITS_IN]
    later = waits[waits.index(it.status) + 1 :] if it.status in waits else []
    return later[0] if later else APPROVED


def asking_review(it: Deviation) -> str:
    """Return the review that asked for information."""
    return it.asked_in or PENDING_DEPARTMENT_REVIEW


def _is_investigator(it: Deviation, actor: Actor) -> bool:
    """Tell whether the actor is who is assigned, or who submitted: neither may approve what was found out."""
    return actor.id is not None and actor.id in (it.investigator, it.submitted_by)


def _reported(it: Deviation, actor: Actor) -> bool:
    return actor.id is not None and actor.id == it.initiated_by


def _heads_department(it: Deviation, actor: Actor) -> bool:
    return not actor.department or actor.department == it.department


def _investigated(it: Deviation, _attempt: Attempt, _data: Data) -> bool:
    found = it.investigation
    said = found and (found.root_cause_analysis, found.investigation_method, found.findings)
    return bool(said) and not any(map(blank, said or ()))


REPORTS: Who[Deviation] = Who("deviation.create", "who may report deviations")
MANAGER: Who[Deviation] = Who("deviation.manage", "a quality manager")
INVESTIGATOR: Who[Deviation] = Who("deviation.investigate", "the investigator", _is_investigator)
REPORTER: Who[Deviation] = Who("deviation.create", "who reported it", _reported, frozenset({OPEN}))
#: Who takes part in it, as long as anything may be added.
PARTICIPANTS: tuple[Who[Deviation], ...] = (
    Who("deviation.create", "who reported it", _reported),
    INVESTIGATOR,
    MANAGER,
)
DEPARTMENT_HEAD: Who[Deviation] = Who(
    "deviation.approve_department",
    "the head of its department",
    _heads_department,
    frozenset({PENDING_DEPARTMENT_REVIEW}),
)
QA_MANAGER: Who[Deviation] = Who("deviation.approve_qa", "a quality manager", None, frozenset({PENDING_QA_REVIEW}))
TOP_MANAGEMENT: Who[Deviation] = Who("deviation.approve", "management", None, frozenset({PENDING_MANAGEMENT_APPROVAL}))
#: Whoever may approve somewhere may reject and ask there, too.
APPROVERS = (DEPARTMENT_HEAD, QA_MANAGER, TOP_MANAGEMENT)

MAY_INVESTIGATE: Guard[Deviation] = Guard(
    "The investigator must be an active user who may investigate.",
    lambda _, attempt, data: data.get("investigator") in attempt.eligible,
    asks_data=True,
)
INVESTIGATED: Guard[Deviation] = Guard(
    "Root cause analysis, investigation method and findings must be recorded first.", _investigated
)
NOT_INVESTIGATOR: Guard[Deviation] = Guard(
    "The investigator can not approve the own investigation.",
    lambda it, attempt, _: not _is_investigator(it, attempt.actor),
)
NOT_INITIATOR: Guard[Deviation] = Guard(
    "Who reported the deviation can not give the last approval.",
    lambda it, attempt, _: not _reported(it, attempt.actor),
)
FRESH_EYES: Guard[Deviation] = Guard(
    "The approvals of one round come from different people.",
    lambda it, attempt, _: attempt.actor.id not in it.approvals,
)
