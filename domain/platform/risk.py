"""How much an event of each kind may matter to who reviews the trail: a table, and what of an event decides."""

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import UNSET

from domain.events import Event

Risk = Literal["high", "medium", "low"]
RISKS: tuple[Risk, ...] = ("high", "medium", "low")
_Judge = Callable[[Event], Risk]

#: States of deviations and CAPAs before anybody else has put his name to what is written.
_UNREVIEWED = ("OPEN", "UNDER_INVESTIGATION", "INFORMATION_REQUESTED", "INITIATED", "INVESTIGATION", "ACTION_PLANNING")


def _once_submitted(event: Event) -> Risk:
    """An edit of what others rely on already."""
    return "low" if event.from_state in (None, *_UNREVIEWED) else "medium"


def _assigned(event: Event) -> Risk:
    """The first owner, or another one."""
    return "low" if event.from_state == "INITIATED" else "medium"


def _created(event: Event) -> Risk:
    """A user who may do something."""
    return "high" if getattr(event, "roles", ()) else "low"


def _roles(event: Event) -> Risk:
    """What a user may do is more than who he is; what is taken from him, too."""
    return "low" if getattr(event, "roles", UNSET) is UNSET else "high"


def _nobody(event: Event) -> Risk:
    """What happens and nobody did it is misuse: a token came again after another took its place."""
    return "high" if event.actor is None else "low"


def _taken_out(event: Event) -> Risk:
    return "high" if getattr(event, "what", "") == "trail" else "low"


#: By topic; a function where the event itself decides. Every fact is named here.
TABLE: Mapping[str, Risk | _Judge] = {
    "deviation.created": "low",
    "deviation.updated": _once_submitted,
    "deviation.investigation_recorded": _once_submitted,
    "deviation.investigator_assigned": "low",
    "deviation.investigator_reassigned": "medium",
    "deviation.investigation_submitted": "low",
    "deviation.department_approved": "low",
    "deviation.qa_approved": "low",
    "deviation.approved": "low",
    "deviation.rejected": "high",
    "deviation.information_requested": "low",
    "deviation.information_provided": "low",
    "deviation.closed": "low",
    "deviation.reopened": "high",
    "deviation.cancelled": "high",
    "deviation.attachment_added": _once_submitted,
    "deviation.attachment_removed": "medium",
    "capa.created": "low",
    "capa.updated": _once_submitted,
    "capa.owner_assigned": _assigned,
    "capa.investigation_started": "low",
    "capa.planning_started": "low",
    "capa.implementation_started": "low",
    "capa.effectiveness_check_started": "low",
    "capa.marked_ineffective": "high",
    "capa.approved": "low",
    "capa.closed": "low",
    "capa.reopened": "high",
    "capa.cancelled": "high",
    "capa.action_added": _once_submitted,
    "capa.action_changed": _once_submitted,
    "capa.action_removed": "medium",
    "capa.attachment_added": _once_submitted,
    "capa.attachment_removed": "medium",
    "user.created": _created,
    "user.updated": _roles,
    "user.password_changed": "low",
    "user.locked": "high",
    "user.unlocked": "medium",
    "user.session_ended": _nobody,
    "user.sessions_ended": "low",
    "user.second_factor_set": "low",
    "user.second_factor_removed": "high",
    "user.deactivated": "medium",
    "user.activated": "medium",
    "user.erased": "high",
    "user.name_erased": "high",
    "role.created": "high",
    "role.updated": "high",
    "settings.changed": "high",
    "webhook.created": "medium",
    "webhook.updated": "medium",
    "webhook.secret_rotated": "medium",
    "webhook.redelivery_requested": "medium",
    "webhook.deleted": "medium",
    "access.sign_in_failed": "high",
    "access.signature_refused": "high",
    "access.denied": "high",
    "access.exported": _taken_out,
    "ledger.fork_acknowledged": "high",
    "review.accepted": "low",
    "review.questioned": "low",
    "review.resolved": "low",
}


def risk_of(event: Event) -> Risk:
    """Return how much an event may matter. Total: one that is not in the table is looked at first."""
    found = TABLE.get(event.topic, "high")
    return found if isinstance(found, str) else found(event)
