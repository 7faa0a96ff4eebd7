"""Whatever is tried, by whomever, with whatever: the record stays inside the table, and its story tells all of it."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from domain.events import Actor, Attempt
from domain.quality.config import DEFAULT
from domain.quality.deviation import DEVIATIONS, advance, record_findings, report, revise
from tests.domain.deviations import FOUND, REPORT
from tests.domain.facts_table import FACTS
from tests.domain.people import actor
from tests.properties.machine import ACTORS, NUMBERS, ODD, ROLES, STRANGE, WORDS, Commands

TRIGGERS = st.sampled_from(sorted(FACTS.table))
OWN = st.fixed_dictionaries(
    {},
    optional={"investigator": NUMBERS | ODD, "question": WORDS | ODD, "answer": WORDS | ODD},
)
EDITS = st.fixed_dictionaries(
    {},
    optional={
        "title": WORDS | ODD,
        "department": st.sampled_from(["Lab", "Plant"]),
        "classification": st.sampled_from(["MINOR", "MAJOR", "CRITICAL"]) | ODD,
        "due_date": ODD,
    },
)


class Deviations(Commands):
    """One deviation, at the mercy of everybody."""

    workflow = DEVIATIONS
    facts = FACTS

    @initialize(number=NUMBERS, classification=st.sampled_from(["MINOR", "MAJOR", "CRITICAL"]))
    def reported(self, number: int, classification: str) -> None:
        data = {**REPORT, "classification": classification}
        self.record(report(Attempt(actor=actor(number, "user")), data, DEFAULT))

    @rule(who=ACTORS, trigger=TRIGGERS, own=OWN, strange=STRANGE, reason=WORDS, signed=st.booleans())
    def anybody_tries_anything(
        self, who: Actor, trigger: str, own: dict[str, Any], strange: dict[str, Any], reason: str | None, signed: bool
    ) -> None:
        step, given = DEVIATIONS.step(trigger), self.attempt(who, reason, signed=signed)
        self.attempted({trigger}, lambda it: advance(it, step, given, {**own, **strange}, DEFAULT))

    @rule(trigger=TRIGGERS, number=NUMBERS, role=ROLES, named=NUMBERS)
    def somebody_tries_what_may_well_be_right(self, trigger: str, number: int, role: str, named: int) -> None:
        data = {
            "assign_investigator": {"investigator": named},
            "reassign_investigator": {"investigator": named},
            "request_information": {"question": "Why?"},
            "provide_information": {"answer": "So"},
        }.get(trigger, {})
        step, given = DEVIATIONS.step(trigger), self.attempt(actor(number, role), "because", signed=True)
        self.attempted({trigger}, lambda it: advance(it, step, given, data, DEFAULT))

    @precondition(lambda self: self.live.status != "CANCELLED")
    @rule(drawn=st.data(), number=NUMBERS)
    def it_goes_on(self, drawn: st.DataObject, number: int) -> None:
        """Somebody who may do it does what is offered, so that the stories are long."""
        it, who = self.live, actor(number, "administrator")
        if it.status == "UNDER_INVESTIGATION" and it.investigation is None:
            given = self.attempt(who, None, signed=False)
            self.attempted({"record_investigation"}, lambda it: record_findings(it, given, FOUND))
        offers = [offer.name for offer in DEVIATIONS.offers(it, who) if offer.allowed]
        onward = [name for name in offers if name not in ("cancel", "reassign_investigator")]
        if onward:
            trigger = drawn.draw(st.sampled_from(onward))
            self.somebody_tries_what_may_well_be_right(trigger, number, "administrator", 1 + number % 4)

    @rule(who=ACTORS, changes=EDITS, reason=WORDS)
    def anybody_edits(self, who: Actor, changes: dict[str, Any], reason: str | None) -> None:
        given = self.attempt(who, reason, signed=False)
        self.attempted({"edit", "classify"}, lambda it: revise(it, given, changes, DEFAULT))

    @rule(who=ACTORS, names=st.sets(st.sampled_from(sorted(FOUND))))
    def anybody_writes_down_what_was_found(self, who: Actor, names: set[str]) -> None:
        changes, given = {name: FOUND[name] for name in names}, self.attempt(who, None, signed=False)
        self.attempted({"record_investigation"}, lambda it: record_findings(it, given, changes))


Deviations.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDeviations = Deviations.TestCase
