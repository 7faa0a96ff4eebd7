"""The life of a deviation: the rounds of approval, the chain, the guards that look back on the story."""

from typing import Any

import pytest
from msgspec.structs import replace

from domain.errors import Conflict, Denied
from domain.quality.config import DEFAULT
from domain.quality.deviation import DEVIATIONS, record_findings
from domain.quality.public import public_name
from tests.domain.deviations import (
    ADMINISTRATOR,
    FOUND,
    HEAD,
    INVESTIGATOR,
    MANAGER,
    PEOPLE,
    TOP,
    Story,
    deviation,
)
from tests.domain.people import actor, attempt

HEAD_AND_MANAGER = actor(30, "department_head", "quality_manager")


@pytest.mark.parametrize(
    ("classification", "reviews"),
    [
        ("MINOR", ["PENDING_DEPARTMENT_REVIEW"]),
        ("MAJOR", ["PENDING_DEPARTMENT_REVIEW", "PENDING_QA_REVIEW"]),
        ("CRITICAL", ["PENDING_DEPARTMENT_REVIEW", "PENDING_QA_REVIEW", "PENDING_MANAGEMENT_APPROVAL"]),
    ],
)
def test_the_chain_of_approvals_follows_the_classification(classification: str, reviews: list[str]) -> None:
    story = Story(classification=classification).submitted().approved()
    waited = [it.event.from_state for it in story.events if "approved" in it.event.topic]
    assert (waited, story.it.status) == (reviews, "APPROVED")


def test_the_chain_is_that_which_was_configured_when_the_investigation_was_submitted() -> None:
    story = Story(classification="MAJOR").submitted()
    story.config = replace(DEFAULT, chains={**DEFAULT.chains, "MAJOR": ("department",)})
    assert story.fire("approve_department", HEAD).to_state == "PENDING_QA_REVIEW"


def test_the_next_round_takes_the_chain_that_is_configured_then() -> None:
    story = Story(classification="MAJOR").submitted()
    story.fire("reject", HEAD)
    story.config = replace(DEFAULT, chains={**DEFAULT.chains, "MAJOR": ("department",)})
    story.fire("submit_investigation", INVESTIGATOR)
    assert story.fire("approve_department", HEAD).to_state == "APPROVED"


def test_the_approvals_of_one_round_come_from_different_people() -> None:
    story = Story().submitted()
    story.fire("approve_department", HEAD_AND_MANAGER)
    with pytest.raises(Conflict, match="different people"):
        story.fire("approve_qa", HEAD_AND_MANAGER)


def test_the_administrator_approves_once_in_a_round_as_everybody_does() -> None:
    story = Story().submitted()
    story.fire("approve_department", ADMINISTRATOR)
    with pytest.raises(Conflict, match="different people"):
        story.fire("approve_qa", ADMINISTRATOR)


def test_a_new_round_asks_everybody_anew() -> None:
    story = Story(classification="MINOR").submitted()
    story.fire("approve_department", HEAD)
    for trigger, who in (("close", MANAGER), ("reopen", MANAGER), ("submit_investigation", INVESTIGATOR)):
        story.fire(trigger, who)
    assert story.it.approvals == ()
    assert story.fire("approve_department", HEAD).to_state == "APPROVED"


def test_asking_and_answering_stay_within_the_round() -> None:
    story = Story().submitted()
    story.fire("approve_department", HEAD_AND_MANAGER)
    story.fire("request_information", MANAGER)
    assert story.fire("provide_information", INVESTIGATOR).to_state == "PENDING_QA_REVIEW"
    with pytest.raises(Conflict, match="different people"):
        story.fire("approve_qa", HEAD_AND_MANAGER)


@pytest.mark.parametrize("approvals", [0, 1, 2])
def test_an_answer_returns_to_the_review_that_asked(approvals: int) -> None:
    story = Story().submitted()
    for trigger, who in (("approve_department", HEAD), ("approve_qa", MANAGER))[:approvals]:
        story.fire(trigger, who)
    asked = story.it.status
    story.fire("request_information", (HEAD, MANAGER, TOP)[approvals])
    assert (story.it.status, story.it.question) == ("INFORMATION_REQUESTED", "Which door?")
    assert story.fire("provide_information", INVESTIGATOR).to_state == asked
    assert (story.it.asked_in, story.it.question) == (None, "Which door?")
    assert story.it.answer


@pytest.mark.parametrize(
    ("trigger", "state", "role"),
    [
        ("approve_department", "PENDING_DEPARTMENT_REVIEW", "department_head"),
        ("approve_qa", "PENDING_QA_REVIEW", "quality_manager"),
        ("approve", "PENDING_MANAGEMENT_APPROVAL", "management"),
    ],
)
@pytest.mark.parametrize("by", ["assigned", "submitted"])
@pytest.mark.parametrize("administrator", [False, True])
def test_the_investigator_approves_nowhere(trigger: str, state: str, role: str, by: str, administrator: bool) -> None:
    who = actor(31, "administrator" if administrator else role)
    it = deviation(state, investigator=31 if by == "assigned" else 7, submitted_by=31 if by == "submitted" else 7)
    with pytest.raises(Conflict, match="investigator can not approve"):
        DEVIATIONS.decide(DEVIATIONS.step(trigger), it, attempt(it, who), {})


@pytest.mark.parametrize("role", ["management", "administrator"])
def test_who_reported_it_does_not_give_the_last_approval(role: str) -> None:
    it = deviation("PENDING_MANAGEMENT_APPROVAL", initiated_by=32)
    with pytest.raises(Conflict, match="reported"):
        DEVIATIONS.decide(DEVIATIONS.step("approve"), it, attempt(it, actor(32, role)), {})


def test_who_reported_it_may_give_an_earlier_approval() -> None:
    it = deviation("PENDING_QA_REVIEW", initiated_by=MANAGER.id)
    assert DEVIATIONS.decide(DEVIATIONS.step("approve_qa"), it, attempt(it, MANAGER), {}).actor == MANAGER.id


def test_who_submitted_stays_the_investigator_after_another_was_assigned() -> None:
    story = Story().submitted()
    story.fire("request_information", HEAD)
    story.record(
        DEVIATIONS.decide(
            DEVIATIONS.step("reassign_investigator"),
            story.it,
            attempt(story.it, MANAGER, eligible=frozenset({8})),
            {"investigator": 8},
        )
    )
    assert (story.it.investigator, story.it.submitted_by) == (8, 7)
    assert story.fire("provide_information", INVESTIGATOR).actor == 7


def test_an_investigator_who_may_not_investigate_any_more_submits_nothing() -> None:
    it = deviation("UNDER_INVESTIGATION")
    demoted = actor(INVESTIGATOR.id or 0, "viewer")
    with pytest.raises(Denied, match="only the investigator"):
        DEVIATIONS.decide(DEVIATIONS.step("submit_investigation"), it, attempt(it, demoted), {"chain": ("department",)})


@pytest.mark.parametrize("missing", sorted(FOUND))
def test_an_investigation_is_submitted_whole(missing: str) -> None:
    story = Story()
    story.fire("assign_investigator", MANAGER)
    part = {name: value for name, value in FOUND.items() if name != missing}
    story.record(record_findings(story.it, attempt(story.it, INVESTIGATOR), part))
    with pytest.raises(Conflict, match="must be recorded first"):
        story.fire("submit_investigation", INVESTIGATOR)


@pytest.mark.parametrize("trigger", ["assign_investigator", "reassign_investigator"])
def test_an_investigator_is_active_and_may_investigate(trigger: str) -> None:
    it = deviation("OPEN" if trigger == "assign_investigator" else "INFORMATION_REQUESTED")
    unfit = attempt(it, MANAGER, eligible=frozenset())
    with pytest.raises(Conflict, match="active user who may investigate"):
        DEVIATIONS.decide(DEVIATIONS.step(trigger), it, unfit, {"investigator": 7})


@pytest.mark.parametrize("trigger", ["reject", "request_information"])
def test_the_head_of_another_department_sends_nothing_back(trigger: str) -> None:
    it = deviation("PENDING_DEPARTMENT_REVIEW")
    with pytest.raises(Denied, match="head of its department"):
        DEVIATIONS.decide(DEVIATIONS.step(trigger), it, attempt(it, PEOPLE["head_of_plant"]), {"question": "Why?"})


def test_the_investigation_keeps_its_id_and_says_when_it_was_submitted_last() -> None:
    story = Story().submitted()
    first = story.it.investigation
    assert first is not None
    assert first.completed_at == story.events[-1].at
    story.fire("reject", HEAD)
    event: Any = record_findings(story.it, attempt(story.it, INVESTIGATOR), {"findings": "More"})
    assert event.investigation_id == first.id


def test_a_closed_deviation_says_when_until_it_is_reopened() -> None:
    story = Story(classification="MINOR").submitted().approved()
    story.fire("close", MANAGER)
    assert story.it.closed_at == story.events[-1].at
    story.fire("reopen", MANAGER)
    assert story.it.closed_at is None


def test_subscribers_are_told_by_the_public_names() -> None:
    story = Story(classification="MAJOR").submitted().approved()
    story.fire("close", MANAGER)
    story.fire("reopen", MANAGER)
    told = [(it.event.topic, public_name(it.event)) for it in story.events]
    assert told == [
        ("deviation.created", "deviation.created"),
        ("deviation.investigator_assigned", "deviation.updated"),
        ("deviation.investigation_recorded", "deviation.updated"),
        ("deviation.investigation_submitted", "deviation.updated"),
        ("deviation.department_approved", "deviation.updated"),
        ("deviation.qa_approved", "deviation.approved"),
        ("deviation.closed", "deviation.closed"),
        ("deviation.reopened", "deviation.updated"),
    ]
