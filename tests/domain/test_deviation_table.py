"""Who may take which step from which state: the code's table against the facts', cell by cell."""

import pytest

from domain.errors import Conflict, Denied
from domain.quality.deviation import DEVIATIONS
from tests.domain.deviations import DATA, PEOPLE, deviation
from tests.domain.facts_table import (
    APPROVED,
    ASKED,
    ASKS,
    CANCELLED,
    CLOSED,
    DEPARTMENT,
    EDITS,
    INVESTIGATED,
    MANAGEMENT,
    OPEN,
    QA,
    REASON_IN,
    RECORDS,
    STATES,
    TABLE,
)
from tests.domain.people import attempt

STEPS = sorted(TABLE)


def test_the_states_and_steps_are_those_of_the_facts_and_no_other() -> None:
    assert set(DEVIATIONS.states) == set(STATES)
    assert {step.trigger for step in DEVIATIONS.steps} == set(TABLE)
    assert {step.trigger for step in DEVIATIONS.steps if step.edit} == EDITS


@pytest.mark.parametrize("trigger", STEPS)
def test_a_step_leaves_and_reaches_what_its_row_says(trigger: str) -> None:
    step = DEVIATIONS.step(trigger)
    assert set(step.sources) == set(TABLE[trigger])
    reached = {to for destinations, _ in TABLE[trigger].values() for to in destinations}
    assert set(step.destinations) == reached
    assert step.event.topic == RECORDS[trigger]


@pytest.mark.parametrize("trigger", STEPS)
def test_a_step_asks_for_what_its_row_says(trigger: str) -> None:
    step = DEVIATIONS.step(trigger)
    for state in TABLE[trigger]:
        reason = {"reason"} if state in REASON_IN.get(trigger, ()) else set()
        assert set(step.asks(state)) == ASKS[trigger] | reason


def expected(trigger: str, state: str, person: str) -> type[Exception] | None:
    row = TABLE[trigger]
    if state in row:
        return None if person in row[state][1] else Denied
    anywhere = set().union(*(who for _, who in row.values()))
    return Conflict if person in anywhere else Denied


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("trigger", STEPS)
def test_everybody_may_do_exactly_what_the_table_allows(trigger: str, state: str) -> None:
    step, it = DEVIATIONS.step(trigger), deviation(state)
    for person, who in PEOPLE.items():
        refusal = expected(trigger, state, person)
        if refusal is not None:
            with pytest.raises(refusal):
                DEVIATIONS.decide(step, it, attempt(it, who), DATA.get(trigger, {}))
            continue
        event = DEVIATIONS.decide(step, it, attempt(it, who), DATA.get(trigger, {}))
        assert (event.topic, event.actor, event.from_state) == (RECORDS[trigger], who.id, state), person
        assert event.to_state in TABLE[trigger][state][0], person


@pytest.mark.parametrize("state", STATES)
def test_the_offers_name_every_transition_and_allow_what_the_table_allows(state: str) -> None:
    it = deviation(state)
    for person, who in PEOPLE.items():
        offers = {offer.name: offer for offer in DEVIATIONS.offers(it, who)}
        assert set(offers) == set(TABLE) - EDITS
        for trigger, offer in offers.items():
            assert offer.allowed == (expected(trigger, state, person) is None), (person, trigger)
            assert bool(offer.why_not) != offer.allowed
            assert not offer.allowed or offer.to in TABLE[trigger][state][0]


#: Where CRITICAL takes every review, and QA's asked for information.
LEADING = {
    (OPEN, INVESTIGATED): "assign_investigator",
    (OPEN, CANCELLED): "cancel",
    (INVESTIGATED, DEPARTMENT): "submit_investigation",
    (INVESTIGATED, CANCELLED): "cancel",
    (ASKED, QA): "provide_information",
    (ASKED, CANCELLED): "cancel",
    (DEPARTMENT, QA): "approve_department",
    (QA, MANAGEMENT): "approve_qa",
    (MANAGEMENT, APPROVED): "approve",
    **{(pending, INVESTIGATED): "reject" for pending in (DEPARTMENT, QA, MANAGEMENT)},
    **{(pending, ASKED): "request_information" for pending in (DEPARTMENT, QA, MANAGEMENT)},
    (APPROVED, CLOSED): "close",
    (CLOSED, INVESTIGATED): "reopen",
}


@pytest.mark.parametrize("state", STATES)
def test_a_status_that_is_asked_for_names_the_one_transition_that_leads_there(state: str) -> None:
    for target in set(STATES) - {state}:
        if (state, target) in LEADING:
            assert DEVIATIONS.leading_to(deviation(state), target).trigger == LEADING[state, target]
        else:
            with pytest.raises(Conflict, match=f"From {state} no transition leads to {target}"):
                DEVIATIONS.leading_to(deviation(state), target)
