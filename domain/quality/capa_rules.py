"""Who may do what with a CAPA, and the guards of its steps: conditions that the table names."""

from msgspec import UNSET

from domain.errors import Fault
from domain.events import Actor, Attempt
from domain.given import blank, overwritten
from domain.quality.capa_facts import ACTION_PLANNING, IMPLEMENTATION, INITIATED, INVESTIGATION, Action, Capa
from domain.table import Data, Guard, Who

#: States in which it is worked out what to do, and those in which what was agreed to may still change.
PLANNING = (INITIATED, INVESTIGATION, ACTION_PLANNING)
CHANGING = (*PLANNING, IMPLEMENTATION)
_MOST_ACTIONS = 100


def source_faults(it: Capa | None, data: Data) -> list[Fault]:
    """Return what is wrong with a source: a deviation's id is asked for; of others any may be noted, or none."""
    kind = data.get("source_type", it.source_type if it else "MANUAL")
    number = data.get("source_id", it.source_id if it else None)
    if kind == "DEVIATION" and number is None:
        return [Fault("source_id", "This field is required where the source is a deviation.")]
    return []


def replaces_owner(it: Capa, data: Data) -> bool:
    """Tell whether another takes the place of its owner; so does whoever is not named yet."""
    return it.owner is not None and data.get("owner") != it.owner


def replans(it: Capa, data: Data) -> bool:
    """Tell whether what was planned of an action is changed."""
    planned = {name: data[name] for name in ("description", "owner", "due_date") if name in data}
    return overwritten(_action(it, data), {**planned, "kind": data.get("action_kind", UNSET)})


def takes_back(it: Capa, data: Data) -> bool:
    """Tell whether an action that was done is said not to be."""
    action = _action(it, data)
    return action is not None and action.done and data.get("done") is False


def _is_owner(it: Capa, actor: Actor) -> bool:
    return actor.id is not None and actor.id == it.owner


def _answers(it: Capa, actor: Actor) -> bool:
    """Tell whether the actor is who owns it, or owned it when its actions were said to be done."""
    return actor.id is not None and actor.id in (it.owner, it.implemented_by)


def _opened(it: Capa, actor: Actor) -> bool:
    return actor.id is not None and actor.id == it.initiated_by


def _owns_action(it: Capa, actor: Actor) -> bool:
    return actor.id is not None and any(action.owner == actor.id for action in it.actions)


def _action(it: Capa, data: Data) -> Action | None:
    return next((action for action in it.actions if action.id == data.get("action_id")), None)


def _named_may(_it: Capa, attempt: Attempt, data: Data) -> bool:
    """Tell whether an action's owner, where one is named, is an active user."""
    return not isinstance(data.get("owner"), int) or data["owner"] in attempt.eligible


def _stays_planned(it: Capa, _attempt: Attempt, data: Data) -> bool:
    before = _action(it, data)
    found = (data.get(name, getattr(before, name, None)) for name in ("owner", "due_date"))
    return it.status != IMPLEMENTATION or None not in found


def _not_done(it: Capa, _attempt: Attempt, data: Data) -> bool:
    action = _action(it, data)
    return action is None or not action.done


OPENS: Who[Capa] = Who("capa.create", "who may open CAPAs")
MANAGER: Who[Capa] = Who("capa.manage", "a quality manager")
APPROVER: Who[Capa] = Who("capa.approve", "a quality manager")
OWNER: Who[Capa] = Who("capa.own", "the owner", _is_owner)
#: Asked of a record that holds the one action alone: see `capa_actions.authorize`.
ACTION_OWNER: Who[Capa] = Who("capa.read", "the action's owner", _owns_action)
#: Who takes part in it, as long as anything may be added.
PARTICIPANTS: tuple[Who[Capa], ...] = (Who("capa.create", "who opened it", _opened), OWNER, MANAGER)

MAY_OWN: Guard[Capa] = Guard(
    "The owner must be an active user who may own CAPAs.",
    lambda _, attempt, data: data.get("owner") in attempt.eligible,
    asks_data=True,
)
OWNED: Guard[Capa] = Guard("An owner must be assigned first.", lambda it, _, __: it.owner is not None)
ANALYSED: Guard[Capa] = Guard(
    "Root cause analysis and impact assessment must be recorded first.",
    lambda it, _, __: not (blank(it.root_cause_analysis) or blank(it.impact_assessment)),
)
PLANNED: Guard[Capa] = Guard(
    "There must be at least one action, each with an owner and a due date.",
    lambda it, _, __: bool(it.actions) and not any(None in (one.owner, one.due_date) for one in it.actions),
)
DONE: Guard[Capa] = Guard(
    "Every action must be done first.", lambda it, _, __: bool(it.actions) and all(one.done for one in it.actions)
)
VERIFIED: Guard[Capa] = Guard(
    "The verification result must be recorded first.", lambda it, _, __: not blank(it.verification_result)
)
NOT_OWNER: Guard[Capa] = Guard(
    "The owner can not approve the own CAPA.", lambda it, attempt, _: not _answers(it, attempt.actor)
)
ACTIVE_OWNER: Guard[Capa] = Guard("The action's owner must be an active user.", _named_may, asks_data=True)
STAYS_PLANNED: Guard[Capa] = Guard(
    "While it is implemented, each action has an owner and a due date.", _stays_planned, asks_data=True
)
NOT_TOO_MANY: Guard[Capa] = Guard(
    f"A CAPA has at most {_MOST_ACTIONS} actions.", lambda it, _, __: len(it.actions) < _MOST_ACTIONS
)
DONE_WHEN_DUE: Guard[Capa] = Guard(
    "An action is done while the CAPA is implemented, not before.",
    lambda it, _, data: it.status == IMPLEMENTATION or not data.get("done"),
    asks_data=True,
)
NOT_DONE: Guard[Capa] = Guard("An action that is done is not removed.", _not_done, asks_data=True)
