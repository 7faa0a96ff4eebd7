"""The review of the trail: its table, and who is kept from it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

import domain.catalogue  # noqa: F401 - importing it registers every fact
from domain.errors import Conflict, Denied, InvalidInput
from domain.events import FACTS, Actor, Attempt, Event, Recorded, stream_id
from domain.platform import review as rules
from domain.platform.access import AccessExported, SignInFailed
from domain.platform.review import ACCEPTED, PENDING, QUESTIONED, REVIEWS, Review
from domain.platform.risk import RISKS, TABLE, risk_of
from domain.platform.users import UserActivated, UserLocked, UserSessionEnded, UserUpdated
from domain.quality.deviation_facts import DeviationUpdated
from tests.domain.people import NOW, STREAM, actor, attempt, signature
from tests.domain.table_suite import Facts, TableSuite

_REVIEWERS = {"administrator", "quality_manager"}
REVIEWER = actor(2, "quality_manager")


def reviewed(event: Event, position: int = 17) -> Recorded:
    return Recorded(position, STREAM, 3, NOW, event)


class TestReviews(TableSuite):
    """Of an event that none of the people did."""

    workflow = REVIEWS
    facts = Facts(
        states=(PENDING, ACCEPTED, QUESTIONED),
        table={
            "accept": {PENDING: ({ACCEPTED}, _REVIEWERS)},
            "question": {state: ({QUESTIONED}, _REVIEWERS) for state in (PENDING, ACCEPTED)},
            "resolve": {QUESTIONED: ({ACCEPTED}, _REVIEWERS)},
        },
        asks={"accept": set(), "question": {"reason"}, "resolve": {"reason"}},
        records={"accept": "review.accepted", "question": "review.questioned", "resolve": "review.resolved"},
        edits=set(),
        leading={
            (PENDING, ACCEPTED): "accept",
            (PENDING, QUESTIONED): "question",
            (ACCEPTED, QUESTIONED): "question",
            (QUESTIONED, ACCEPTED): "resolve",
        },
    )
    people: Mapping[str, Actor] = {  # type: ignore[misc]
        role: actor(number, role)
        for number, role in enumerate(("administrator", "quality_manager", "auditor", "qa_specialist", "viewer"), 1)
    }
    data: Mapping[str, Mapping[str, Any]] = {  # type: ignore[misc]
        trigger: {"id": 17, "event": "user.activated"} for trigger in ("accept", "question", "resolve")
    }

    @staticmethod
    def record(state: str, trigger: str | None = None) -> Any:
        return replace(rules.of(reviewed(UserActivated(actor=99)), None), status=state)


@pytest.mark.parametrize("trigger", ["accept", "question", "resolve"])
def test_nobody_reviews_what_he_did_himself(trigger: str) -> None:
    for who in (REVIEWER, actor(1, "administrator")):
        it = rules.of(reviewed(UserActivated(actor=who.id)), None)
        it = replace(it, status=REVIEWS.step(trigger).sources[0])
        with pytest.raises(Conflict, match="did or signed himself"):
            rules.decide(it, REVIEWS.step(trigger), Attempt(actor=who, reason="so"))


@pytest.mark.clause("Annex 11 § 9, review", negative=True)
def test_nobody_reviews_what_he_signed_himself() -> None:
    it = rules.of(reviewed(UserActivated(actor=99)), None)
    signed = rules.of(reviewed(UserActivated(actor=99, signature=signature(it, REVIEWER.id))), None)
    assert signed.concerned == (99, 2)
    with pytest.raises(Conflict):
        rules.decide(signed, REVIEWS.step("accept"), Attempt(actor=REVIEWER))


@pytest.mark.clause("Annex 11 § 9, review", negative=True)
@pytest.mark.parametrize(
    ("event", "stream"),
    [
        (SignInFailed(user=REVIEWER.id, why="locked"), STREAM),
        (UserLocked(until=NOW, failures=5), stream_id("user", 2)),
        (UserUpdated(actor=99, roles=("administrator",)), stream_id("user", 2)),
    ],
    ids=lambda it: getattr(it, "topic", ""),
)
def test_nobody_reviews_what_is_about_him(event: Event, stream: UUID) -> None:
    it = rules.of(Recorded(17, stream, 3, NOW, event), None)
    with pytest.raises(Conflict, match="nor what is about him"):
        rules.decide(it, REVIEWS.step("accept"), Attempt(actor=REVIEWER))
    assert rules.decide(it, REVIEWS.step("accept"), Attempt(actor=actor(3, "quality_manager"))).to_state == ACCEPTED


def test_what_the_system_did_is_reviewed_by_anybody_who_reviews() -> None:
    it = rules.of(reviewed(UserActivated()), None)
    assert rules.decide(it, REVIEWS.step("accept"), Attempt(actor=REVIEWER)).to_state == ACCEPTED


def test_a_review_is_not_reviewed() -> None:
    it = rules.of(reviewed(FACTS["review.accepted"](actor=99)), None)
    with pytest.raises(Conflict, match="A review is not reviewed itself"):
        rules.decide(it, REVIEWS.step("accept"), Attempt(actor=REVIEWER))


def test_who_only_reads_the_trail_does_not_review_it() -> None:
    it = rules.of(reviewed(UserActivated(actor=99)), None)
    with pytest.raises(Denied):
        rules.decide(it, REVIEWS.step("accept"), Attempt(actor=actor(3, "auditor")))


def test_a_question_says_what_is_to_be_known() -> None:
    it = rules.of(reviewed(UserActivated(actor=99)), None)
    with pytest.raises(InvalidInput) as refused:
        rules.decide(it, REVIEWS.step("question"), Attempt(actor=REVIEWER))
    assert [fault.field for fault in refused.value.faults] == ["reason"]


def test_a_review_is_folded_from_its_own_events_and_knows_what_it_is_of() -> None:
    it = rules.of(reviewed(UserActivated(actor=99)), None)
    event = rules.decide(it, REVIEWS.step("question"), attempt(it, REVIEWER))
    folded = REVIEWS.fold([Recorded(18, it.stream, 1, NOW, event)])
    assert folded == Review(id=17, stream=stream_id("review", 17), version=1, status=QUESTIONED, event="user.activated")
    assert rules.of(reviewed(UserActivated(actor=99)), folded).concerned == (99,)


def test_every_fact_has_its_risk() -> None:
    """A new fact is judged before it is released."""
    assert set(TABLE) == set(FACTS)


@pytest.mark.parametrize(
    ("event", "risk"),
    [
        (DeviationUpdated(from_state="OPEN"), "low"),
        (DeviationUpdated(from_state="PENDING_QA_REVIEW"), "medium"),
        (UserUpdated(department="Lab"), "low"),
        (UserUpdated(roles=("administrator",)), "high"),
        (UserUpdated(roles=()), "high"),
        (UserSessionEnded(session=STREAM), "high"),
        (UserSessionEnded(actor=7, session=STREAM), "low"),
        (AccessExported(actor=7, what="trail", form="csv"), "high"),
        (AccessExported(actor=7, what="report", form="csv"), "low"),
    ],
)
def test_the_risk_is_that_of_what_the_event_says(event: Event, risk: str) -> None:
    assert risk_of(event) == risk


def test_the_risk_of_any_event_can_be_told() -> None:
    assert risk_of(Event()) == RISKS[0]


@pytest.mark.parametrize("topic", ["review.accepted", "review.questioned", "review.resolved"])
def test_reviews_are_not_queued_for_review_themselves(topic: str) -> None:
    assert risk_of(FACTS[topic](actor=7)) == "low"
