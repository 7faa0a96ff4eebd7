"""Changing fields: who, until when, and what follows from it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from domain.errors import Conflict, Denied, InvalidInput
from domain.events import Attempt
from domain.quality.config import DEFAULT, QualityConfig
from domain.quality.deviation import record_findings, report, revise, revising
from domain.quality.deviation_facts import Investigation
from tests.domain.deviations import (
    ADMINISTRATOR,
    FOUND,
    INVESTIGATOR,
    MANAGER,
    PEOPLE,
    REPORT,
    REPORTER,
    Story,
    deviation,
)
from tests.domain.people import NOW, attempt

GIVEN = datetime(2026, 12, 24, tzinfo=UTC)


@pytest.mark.parametrize(("classification", "days"), [("CRITICAL", 3), ("MAJOR", 7), ("MINOR", 30)])
def test_a_deviation_is_due_as_its_classification_says(classification: str, days: int) -> None:
    it = Story(classification=classification).it
    assert it.due_date == it.initiated_at + timedelta(days=days)


def test_a_due_date_that_is_given_holds() -> None:
    assert Story(due_date=GIVEN).it.due_date == GIVEN


def test_the_due_date_follows_a_new_classification() -> None:
    event: Any = revise(deviation(), Attempt(actor=MANAGER), {"classification": "MINOR"}, DEFAULT)
    assert event.due_date == NOW + timedelta(days=30)


def test_a_due_date_given_with_the_classification_holds() -> None:
    event: Any = revise(deviation(), Attempt(actor=MANAGER), {"classification": "MINOR", "due_date": GIVEN}, DEFAULT)
    assert event.due_date == GIVEN


def test_the_chain_follows_a_new_classification() -> None:
    story = Story()
    story.record(revise(story.it, Attempt(actor=MANAGER), {"classification": "MINOR"}, DEFAULT))
    assert story.submitted().it.chain == ("department",)


def test_the_reporter_describes_while_it_is_open() -> None:
    event: Any = revise(deviation(), Attempt(actor=REPORTER), {"title": "New"}, DEFAULT)
    assert (event.topic, event.title, event.description) == ("deviation.updated", "New", msgspec.UNSET)


def test_the_reporter_does_not_classify() -> None:
    with pytest.raises(Denied, match="Classify: only a quality manager"):
        revise(deviation(), Attempt(actor=REPORTER), {"title": "New", "classification": "MINOR"}, DEFAULT)


def test_the_reporter_describes_no_more_once_it_is_investigated() -> None:
    with pytest.raises(Denied, match="Edit: only a quality manager"):
        revise(deviation("UNDER_INVESTIGATION"), Attempt(actor=REPORTER, reason="typo"), {"title": "New"}, DEFAULT)


def test_another_user_describes_nothing() -> None:
    with pytest.raises(Denied):
        revise(deviation(), Attempt(actor=PEOPLE["another_user"]), {"title": "New"}, DEFAULT)


@pytest.mark.parametrize("changes", [{"title": "New"}, {"classification": "MINOR"}, {"due_date": GIVEN}])
def test_a_quality_manager_gives_a_reason_for_a_late_change(changes: dict[str, Any]) -> None:
    it = deviation("UNDER_INVESTIGATION")
    with pytest.raises(InvalidInput) as refused:
        revise(it, attempt(it, MANAGER, reason=None), changes, DEFAULT)
    assert [fault.field for fault in refused.value.faults] == ["reason"]
    assert revise(it, attempt(it, MANAGER), changes, DEFAULT).reason == "because"


@pytest.mark.parametrize("status", ["UNDER_INVESTIGATION", "INFORMATION_REQUESTED"])
def test_what_was_found_out_is_changed_with_a_reason_and_written_down_first_without_one(status: str) -> None:
    it = deviation(status)
    new = {"findings": "It was ajar"}
    with pytest.raises(InvalidInput) as refused:
        record_findings(it, attempt(it, INVESTIGATOR, reason=None), new)
    assert [fault.field for fault in refused.value.faults] == ["reason"]
    assert record_findings(it, attempt(it, INVESTIGATOR), new).reason == "because"
    assert record_findings(it, attempt(it, INVESTIGATOR, reason=None), FOUND).reason is None
    begun = deviation(status, investigation=Investigation(id=1, root_cause_analysis="The door"))
    more = {**FOUND, "root_cause_analysis": "The door"}
    assert record_findings(begun, attempt(begun, INVESTIGATOR, reason=None), more).reason is None
    bare = deviation(status, investigation=None)
    assert record_findings(bare, attempt(bare, INVESTIGATOR, reason=None), FOUND).reason is None


@pytest.mark.parametrize(
    "status",
    [
        "INFORMATION_REQUESTED",
        "PENDING_DEPARTMENT_REVIEW",
        "PENDING_QA_REVIEW",
        "PENDING_MANAGEMENT_APPROVAL",
        "APPROVED",
        "CLOSED",
        "CANCELLED",
    ],
)
def test_nothing_is_described_once_the_investigation_is_submitted(status: str) -> None:
    it = deviation(status)
    for changes in ({"title": "New"}, {"classification": "MINOR"}):
        with pytest.raises(Conflict):
            revise(it, attempt(it, ADMINISTRATOR), changes, DEFAULT)


def test_an_unknown_classification_is_a_fault_of_the_input() -> None:
    for wrong in ("HUGE", 3, ["MINOR"]):
        with pytest.raises(InvalidInput):
            revise(deviation(), Attempt(actor=MANAGER), {"classification": wrong}, DEFAULT)
        with pytest.raises(InvalidInput):
            report(Attempt(actor=REPORTER), {**REPORT, "classification": wrong}, DEFAULT)


def test_changes_take_the_steps_that_they_are() -> None:
    assert [step.trigger for step in revising({"title": 1, "due_date": 1})] == ["edit", "classify"]
    assert [step.trigger for step in revising({"classification": 1})] == ["classify"]
    assert revising({}) == []


@pytest.mark.parametrize(
    "faulty",
    [
        {"due_days": {"MINOR": 30}},
        {"due_days": {"CRITICAL": -1, "MAJOR": 7, "MINOR": 30}},
        {"chains": {**DEFAULT.chains, "MINOR": ()}},
        {"chains": {**DEFAULT.chains, "MINOR": ("qa",)}},
        {"chains": {**DEFAULT.chains, "CRITICAL": ("department", "management")}},
        {"chains": {**DEFAULT.chains, "HUGE": ("department",)}},
    ],
)
def test_a_configuration_that_no_deviation_could_follow_is_refused(faulty: dict[str, Any]) -> None:
    given = {"due_days": DEFAULT.due_days, "chains": DEFAULT.chains, **faulty}
    with pytest.raises(ValueError, match=r"days|chain"):
        QualityConfig(**given)
