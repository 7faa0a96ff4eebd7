"""Who may take which step from which state: a workflow's table against the facts', cell by cell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from domain.errors import Conflict, Denied
from domain.events import Actor
from domain.workflow import Workflow
from tests.domain.people import attempt


@dataclass(frozen=True)
class Facts:
    """A table as the facts state it, written down apart from the code's own.

    table: step -> state -> (where it leads, who may); "the same" is written out. asks: what must be given, by step.
    reason_in: states in which a reason must be given too; reason_over: those in which it must for what changes or
    removes something recorded. records: the names of the steps' facts.
    leading: the transition that leads from one state to another.
    """

    states: tuple[str, ...]
    table: Mapping[str, Mapping[str, tuple[set[str], set[str]]]]
    asks: Mapping[str, set[str]]
    records: Mapping[str, str]
    edits: set[str]
    leading: Mapping[tuple[str, str], str]
    reason_in: Mapping[str, set[str]] = field(default_factory=dict)
    reason_over: Mapping[str, set[str]] = field(default_factory=dict)


class TableSuite:
    """What holds for the table of every workflow. A subclass names the workflow, its facts, and who is who."""

    workflow: ClassVar[Workflow[Any]]
    facts: ClassVar[Facts]
    people: ClassVar[Mapping[str, Actor]]
    #: What each step takes beside words and a signature.
    data: ClassVar[Mapping[str, Mapping[str, Any]]]

    @staticmethod
    def record(state: str, trigger: str | None = None) -> Any:
        """A record in a state, with everything there that a step from it may ask of the record."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        facts = metafunc.cls.facts
        for name, values in (("trigger", sorted(facts.table)), ("state", facts.states)):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)

    def test_the_states_and_steps_are_those_of_the_facts_and_no_other(self) -> None:
        assert set(self.workflow.states) == set(self.facts.states)
        assert {step.trigger for step in self.workflow.steps} == set(self.facts.table)
        assert {step.trigger for step in self.workflow.steps if step.edit} == self.facts.edits

    @pytest.mark.clause("11.10(f)")
    def test_a_step_leaves_and_reaches_what_its_row_says(self, trigger: str) -> None:
        step, row = self.workflow.step(trigger), self.facts.table[trigger]
        assert set(step.sources) == set(row)
        assert set(step.destinations) == {to for destinations, _ in row.values() for to in destinations}
        assert step.event.topic == self.facts.records[trigger]

    def test_a_step_asks_for_what_its_row_says(self, trigger: str) -> None:
        step = self.workflow.step(trigger)
        for state in self.facts.table[trigger]:
            reason = {"reason"} if state in self.facts.reason_in.get(trigger, ()) else set()
            assert set(step.asks(state)) == self.facts.asks[trigger] | reason

    @pytest.mark.clause("Annex 11 § 9, reasons", negative=True)
    def test_a_step_takes_a_reason_for_what_it_overwrites_where_its_row_says(self, trigger: str) -> None:
        assert self.workflow.step(trigger).reason_over == self.facts.reason_over.get(trigger, set())

    @pytest.mark.clause("11.10(g)")
    def test_everybody_may_do_exactly_what_the_table_allows(self, trigger: str, state: str) -> None:
        step, it, data = self.workflow.step(trigger), self.record(state, trigger), self.data.get(trigger, {})
        for person, who in self.people.items():
            refusal = self._refusal(trigger, state, person)
            if refusal is not None:
                with pytest.raises(refusal):
                    self.workflow.decide(step, it, attempt(it, who), data)
                continue
            event = self.workflow.decide(step, it, attempt(it, who), data)
            assert (event.topic, event.actor, event.from_state) == (self.facts.records[trigger], who.id, state), person
            assert event.to_state in self.facts.table[trigger][state][0], person

    def test_the_offers_name_every_transition_and_allow_what_the_table_allows(self, state: str) -> None:
        it = self.record(state)
        for person, who in self.people.items():
            offers = {offer.name: offer for offer in self.workflow.offers(it, who)}
            assert set(offers) == set(self.facts.table) - self.facts.edits
            for trigger, offer in offers.items():
                assert offer.allowed == (self._refusal(trigger, state, person) is None), (person, trigger)
                assert bool(offer.why_not) != offer.allowed
                assert not offer.allowed or offer.to in self.facts.table[trigger][state][0]

    def test_a_status_that_is_asked_for_names_the_one_transition_that_leads_there(self, state: str) -> None:
        for target in set(self.facts.states) - {state}:
            if (state, target) in self.facts.leading:
                trigger = self.facts.leading[state, target]
                assert self.workflow.leading_to(self.record(state), target).trigger == trigger
            else:
                with pytest.raises(Conflict, match=f"From {state} no transition leads to {target}"):
                    self.workflow.leading_to(self.record(state), target)

    def _refusal(self, trigger: str, state: str, person: str) -> type[Exception] | None:
        row = self.facts.table[trigger]
        if state in row:
            return None if person in row[state][1] else Denied
        anywhere = set().union(*(who for _, who in row.values()))
        return Conflict if person in anywhere else Denied
