"""The actions of a CAPA: they are added, changed, said to be done, and removed, each as a fact of the CAPA."""

from msgspec import UNSET
from msgspec.structs import replace

from domain.errors import Fault, InvalidInput, NotFound
from domain.events import Actor, Attempt, Event
from domain.quality.capa import CAPAS
from domain.quality.capa_facts import Action, Capa
from domain.workflow import Data, Step

_MARKING = frozenset({"done"})


def find_action(it: Capa, number: int) -> Action:
    """Return an action by its id. Raises NotFound."""
    found = next((action for action in it.actions if action.id == number), None)
    if found is None:
        raise NotFound(f"There is no action {number} in the CAPA {it.id}.")
    return found


def add_action(it: Capa, attempt: Attempt, data: Data) -> Event:
    """Return the fact of one more action; its id is allotted when it is recorded."""
    return CAPAS.decide(CAPAS.step("add_action"), it, attempt, _recorded(data))


def change_action(it: Capa, attempt: Attempt, number: int, changes: Data) -> Event:
    """Return the fact of a changed action.

    Raises NotFound, Denied, InvalidInput (also where nothing is changed) and Conflict, in this order.
    """
    given = {name: value for name, value in changes.items() if value is not UNSET}
    authorize(it, attempt.actor, number, given)
    if not given:
        raise InvalidInput([Fault("", "There is nothing to change.")])
    data = {**_recorded(given), "action_id": number}
    # Each step has its own say; what they record is the same.
    *_, fact = [CAPAS.decide(step, it, attempt, data) for step in changing_action(given)]
    return fact


def remove_action(it: Capa, attempt: Attempt, number: int) -> Event:
    """Return the fact of an action that is not to be done any more. Raises NotFound, then as `Workflow.decide`."""
    find_action(it, number)
    return CAPAS.decide(CAPAS.step("remove_action"), it, attempt, {"action_id": number})


def changing_action(changes: Data) -> list[Step[Capa]]:
    """Return the steps that changing these fields of an action takes: to plan is one thing, to be done another."""
    names = [
        *(["change_action"] if changes.keys() - _MARKING or not changes else []),
        *(["mark_action"] if changes.keys() & _MARKING else []),
    ]
    return [CAPAS.step(name) for name in names]


def asks_reason(it: Capa, number: int, changes: Data) -> bool:
    """Tell whether changing these fields of an action takes a reason."""
    data = {**_recorded(changes), "action_id": number}
    return any("reason" in step.asks_for(it, data) for step in changing_action(changes))


def authorize(it: Capa, actor: Actor, number: int, changes: Data) -> None:
    """Raise NotFound where there is no such action, Denied where the actor may not change these fields of it."""
    alone = replace(it, actions=(find_action(it, number),))
    for step in changing_action(changes):
        CAPAS.authorize(step, alone, actor)


def _recorded(data: Data) -> Data:
    """Return an action's fields as facts name them: `kind` is the envelope's."""
    return {"action_kind" if name == "kind" else name: value for name, value in data.items()}
