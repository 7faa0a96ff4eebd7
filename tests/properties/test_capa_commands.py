"""Whatever is tried with a CAPA and its actions, by whomever, with whatever."""

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from domain.events import Actor, Attempt
from domain.quality.capa import CAPAS, advance, open_capa, revise
from domain.quality.capa_actions import add_action, change_action, remove_action
from tests.domain.capa_facts_table import FACTS
from tests.domain.capas import ANALYSED, OPENED
from tests.domain.people import NOW, actor
from tests.properties.machine import ACTORS, NUMBERS, ODD, ROLES, STRANGE, WORDS, Commands

TRIGGERS = st.sampled_from(sorted(FACTS.table))
SOURCES = {"source_type": st.sampled_from(["DEVIATION", "AUDIT", "COMPLAINT", "MANUAL"]) | ODD, "source_id": ODD}
EDITS = st.fixed_dictionaries({}, optional={"title": WORDS | ODD, "category": WORDS | ODD, **SOURCES})
ACTION = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["CORRECTIVE", "PREVENTIVE"]) | ODD,
        "description": WORDS | ODD,
        "owner": NUMBERS | ODD,
        "due_date": ODD,
        "done": st.booleans() | ODD,
    },
)
#: What is still to be done before the capa may leave a state, as an owner would do it.
WORK: dict[str, Callable[[Any, Attempt], Any]] = {
    "INVESTIGATION": lambda it, given: revise(it, given, ANALYSED),
    "ACTION_PLANNING": lambda it, given: add_action(
        it, given, {"kind": "CORRECTIVE", "description": "Close it", "owner": 2, "due_date": NOW}
    ),
    "IMPLEMENTATION": lambda it, given: change_action(
        it, given, next((one.id for one in it.actions if not one.done), 0), {"done": True}
    ),
    "EFFECTIVENESS_CHECK": lambda it, given: revise(it, given, {"verification_result": "It was"}),
}


class Capas(Commands):
    """One CAPA, at the mercy of everybody."""

    workflow = CAPAS
    facts = FACTS

    @initialize(number=NUMBERS)
    def opened(self, number: int) -> None:
        self.record(open_capa(Attempt(actor=actor(number, "quality_manager")), OPENED))

    @rule(who=ACTORS, trigger=TRIGGERS, owner=NUMBERS | ODD, strange=STRANGE, reason=WORDS, signed=st.booleans())
    def anybody_tries_anything(
        self, who: Actor, trigger: str, owner: Any, strange: dict[str, Any], reason: str | None, signed: bool
    ) -> None:
        step, given = CAPAS.step(trigger), self.attempt(who, reason, signed=signed)
        self.attempted({trigger}, lambda it: advance(it, step, given, {"owner": owner, **strange}))

    @rule(trigger=TRIGGERS, number=NUMBERS, role=ROLES, named=NUMBERS)
    def somebody_tries_what_may_well_be_right(self, trigger: str, number: int, role: str, named: int) -> None:
        step, given = CAPAS.step(trigger), self.attempt(actor(number, role), "because", signed=True)
        data = {"owner": named} if trigger == "assign_owner" else {}
        self.attempted({trigger}, lambda it: advance(it, step, given, data))

    @precondition(lambda self: self.live.status != "CANCELLED")
    @rule(drawn=st.data(), number=NUMBERS)
    def it_goes_on(self, drawn: st.DataObject, number: int) -> None:
        """Somebody who may do it works and then does what is offered, so that the stories are long."""
        who, work = actor(number, "administrator"), WORK.get(self.live.status)
        if work is not None:
            given = self.attempt(who, None, signed=False)
            self.attempted({"edit", "add_action", "mark_action"}, lambda it: work(it, given))
        offers = [offer.name for offer in CAPAS.offers(self.live, who) if offer.allowed and offer.name != "cancel"]
        if self.live.owner is not None and len(offers) > 1:
            offers.remove("assign_owner")
        if offers:
            trigger = drawn.draw(st.sampled_from(offers))
            self.somebody_tries_what_may_well_be_right(trigger, number, "administrator", 1 + number % 4)

    @rule(who=ACTORS, changes=EDITS, reason=WORDS)
    def anybody_edits(self, who: Actor, changes: dict[str, Any], reason: str | None) -> None:
        given = self.attempt(who, reason, signed=False)
        self.attempted({"edit"}, lambda it: revise(it, given, changes))

    @rule(who=ACTORS, data=ACTION, reason=WORDS)
    def anybody_adds_an_action(self, who: Actor, data: dict[str, Any], reason: str | None) -> None:
        given = self.attempt(who, reason, signed=False)
        self.attempted({"add_action"}, lambda it: add_action(it, given, data))

    @rule(who=ACTORS, drawn=st.data(), changes=ACTION, reason=WORDS)
    def anybody_changes_an_action(
        self, who: Actor, drawn: st.DataObject, changes: dict[str, Any], reason: str | None
    ) -> None:
        number, given = self._drawn(drawn), self.attempt(who, reason, signed=False)
        self.attempted({"change_action", "mark_action"}, lambda it: change_action(it, given, number, changes))

    @rule(who=ACTORS, drawn=st.data(), reason=WORDS)
    def anybody_removes_an_action(self, who: Actor, drawn: st.DataObject, reason: str | None) -> None:
        number, given = self._drawn(drawn), self.attempt(who, reason, signed=False)
        self.attempted({"remove_action"}, lambda it: remove_action(it, given, number))

    @invariant()
    def what_is_agreed_to_has_somebody_who_does_it_in_time(self) -> None:
        if self.live is not None and self.live.status in ("IMPLEMENTATION", "EFFECTIVENESS_CHECK", "APPROVED"):
            assert all(action.owner is not None and action.due_date is not None for action in self.live.actions)

    @invariant()
    def what_is_judged_is_done(self) -> None:
        if self.live is not None and self.live.status in ("EFFECTIVENESS_CHECK", "APPROVED", "CLOSED"):
            assert self.live.actions
            assert all(action.done for action in self.live.actions)

    @invariant()
    def a_source_is_whole(self) -> None:
        if self.live is not None:
            assert (self.live.source_id is None) <= (self.live.source_type != "DEVIATION")

    def _drawn(self, drawn: st.DataObject) -> int:
        known = [action.id for action in self.live.actions]
        number: int = drawn.draw(st.sampled_from([*known, 0]))
        return number


Capas.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestCapas = Capas.TestCase
