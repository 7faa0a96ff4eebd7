"""CAPAs of the tests: a record in any state with nothing in the way, and a story told step by step."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from domain.events import Actor, Attempt, Event, Recorded, stream_id
from domain.quality.capa import CAPAS, advance, open_capa, revise
from domain.quality.capa_actions import add_action, change_action
from domain.quality.capa_facts import Action, Capa
from tests.domain.deviations import FILE
from tests.domain.people import NOW, actor, attempt

STREAM = stream_id("capa", 1)
PEOPLE = {
    "administrator": actor(1, "administrator"),
    "quality_manager": actor(2, "quality_manager"),
    "opener": actor(3, "department_head", department="Lab"),
    "another_head": actor(4, "department_head", department="Lab"),
    "management": actor(6, "management"),
    "owner": actor(7, "qa_specialist"),
    "another_specialist": actor(8, "qa_specialist"),
    "action_owner": actor(9, "user"),
    "another_user": actor(10, "user"),
    "viewer": actor(11, "viewer"),
    "auditor": actor(12, "auditor"),
    "operator": actor(13, "operator"),
    "nobody": actor(14),
}
OPENER, MANAGER, OWNER = PEOPLE["opener"], PEOPLE["quality_manager"], PEOPLE["owner"]
ACTION_OWNER, ADMINISTRATOR = PEOPLE["action_owner"], PEOPLE["administrator"]

OPENED = {"title": "Fridges too warm", "description": "Doors do not close", "department": "Lab"}
ANALYSED = {"root_cause_analysis": "No springs", "impact_assessment": "One batch"}
SPRINGS = {"kind": "PREVENTIVE", "description": "Fit springs", "owner": 9, "due_date": NOW + timedelta(days=9)}
#: What each step takes beside words and a signature.
DATA: dict[str, dict[str, Any]] = {
    "assign_owner": {"owner": 7},
    "edit": {"title": "Fridges far too warm"},
    "add_action": {"action_kind": "CORRECTIVE", "description": "Close them", "owner": 7, "due_date": NOW},
    "change_action": {"action_id": 1, "description": "Fit strong springs"},
    "mark_action": {"action_id": 1, "done": True},
    "remove_action": {"action_id": 1},
    "attach": FILE,
    "detach": {"attachment_id": 1},
}


def capa(status: str = "INITIATED", **more: Any) -> Capa:
    """A CAPA in a state, with everything there that a step from it may ask of the record; its one action is done."""
    made = open_capa(Attempt(actor=OPENER), OPENED)
    it = CAPAS.evolve(None, Recorded(1, STREAM, 1, NOW, made))
    known = {
        "id": 1,
        "status": status,
        "owner": OWNER.id,
        "actions": (Action(id=1, done=True, **SPRINGS),),
        "verification_result": "No alarm since",
        **ANALYSED,
    }
    return replace(it, **(known | more))


def undone(it: Capa) -> Capa:
    """The same, with nothing done yet."""
    return replace(it, actions=tuple(replace(action, done=False) for action in it.actions))


class Story:
    """What happened to one CAPA, told as steps; `it` is the record, `events` what was recorded."""

    def __init__(self, **fields: Any) -> None:
        self.events: list[Recorded] = []
        self.it: Capa
        self.record(open_capa(Attempt(actor=OPENER), {**OPENED, **fields}))

    def record(self, event: Event) -> Event:
        version = len(self.events) + 1
        numbered = {name: version for name in event.numbered if name != "number" and not getattr(event, name)}
        recorded = Recorded(version, STREAM, version, NOW + timedelta(hours=version), replace(event, **numbered))
        self.events.append(recorded)
        self.it = CAPAS.evolve(self.it if version > 1 else None, recorded)
        return recorded.event

    def fire(self, trigger: str, who: Actor, **data: Any) -> Event:
        step = CAPAS.transition(trigger)
        return self.record(advance(self.it, step, self._attempt(who), data or DATA.get(trigger, {})))

    def edit(self, who: Actor = OWNER, **changes: Any) -> Event:
        return self.record(revise(self.it, self._attempt(who), changes))

    def add(self, who: Actor = OWNER, **fields: Any) -> int:
        """Add an action; return its id."""
        self.record(add_action(self.it, self._attempt(who), {**SPRINGS, **fields}))
        return self.it.actions[-1].id

    def change(self, number: int, who: Actor = OWNER, **changes: Any) -> Event:
        return self.record(change_action(self.it, self._attempt(who), number, changes))

    def analysed(self) -> "Story":
        """Owned, and what is behind it is found out."""
        self.fire("assign_owner", MANAGER)
        self.fire("start_investigation", OWNER)
        self.edit(**ANALYSED)
        return self

    def implemented(self) -> "Story":
        """One action was planned and agreed to, and is done."""
        self.analysed().fire("plan_actions", OWNER)
        number = self.add()
        self.fire("start_implementation", MANAGER)
        self.change(number, ACTION_OWNER, done=True)
        return self

    def approved(self) -> "Story":
        self.implemented().fire("verify_effectiveness", OWNER)
        self.edit(verification_result="No alarm since")
        self.fire("approve", MANAGER)
        return self

    def _attempt(self, who: Actor) -> Attempt:
        return attempt(self.it, who, eligible=frozenset({7, 9}))
