"""Removing deviations: nothing is erased."""

import pytest

from tests.api.stories import Story, body, faults, listed
from tests.support.product import People


@pytest.mark.parametrize(
    ("params", "given", "reason"),
    [
        ({}, None, "deleted through the API"),
        ({"reason": "Twice reported"}, None, "Twice reported"),
        ({}, {"reason": "A mistake"}, "A mistake"),
    ],
)
@pytest.mark.clause("Annex 11 § 9, reasons")
def test_removing_cancels_with_a_reason(
    people: People, params: dict[str, str], given: dict[str, str] | None, reason: str
) -> None:
    story = Story(people, department="Removed")
    answer = people("quality_manager").request("DELETE", story.path, params=params, json=given)
    assert (answer.status_code, answer.content) == (204, b"")
    entry = story.history()[-1]
    assert (entry["event"], entry["to"], entry["reason"]) == ("deviation.cancelled", "CANCELLED", reason)


@pytest.mark.clause("11.10(c)")
def test_what_is_removed_is_gone_but_for_its_history(people: People) -> None:
    story = Story(people, department="Gone")
    manager = people("quality_manager")
    assert manager.delete(story.path).status_code == 204
    for answer in (
        manager.get(story.path),
        manager.delete(story.path),
        manager.put(story.path, json={"title": "x"}),
        manager.get(f"{story.path}transitions/"),
        manager.post(f"{story.path}transition/", json={"transition": "cancel"}),
    ):
        assert answer.status_code == 404
    assert listed(people, department="Gone") == []
    assert listed(people, department="Gone", status="CANCELLED") == []
    assert listed(people, "auditor", department="Gone", status="CANCELLED") == [story.id]
    assert len(story.history()) == 2


def test_who_reported_can_not_remove(people: People) -> None:
    assert people("user").delete(Story(people).path).status_code == 403


def test_what_waits_for_a_review_is_not_removed(people: People) -> None:
    path = Story(people).submitted().path
    assert people("quality_manager").delete(path, params={"reason": "A mistake"}).status_code == 409


def test_what_is_under_way_is_removed_with_a_reason(people: People) -> None:
    path, manager = Story(people).assigned().path, people("quality_manager")
    assert faults(manager.delete(path)) == {"reason": "This field is required."}
    assert manager.delete(path, params={"reason": "Reported twice"}).status_code == 204


def test_faults_of_query_and_body_of_a_removal_are_told_together(people: People) -> None:
    answer = people("quality_manager").request("DELETE", Story(people).path, params={"why": "x"}, json={"resaon": "x"})
    assert faults(answer).keys() == {"why", "resaon"}


def test_parameters_are_refused_where_none_are_taken(people: People) -> None:
    story = Story(people)
    assert faults(people("viewer").get(story.path, params={"expand": "all"})).keys() == {"expand"}
    answer = people("user").post("/api/deviations/", params={"dry": "1"}, json=body(title=5))
    assert faults(answer).keys() == {"dry", "title"}
    assert faults(people("user").patch(story.path, params={"x": "1"}, json={"title": "y"})).keys() == {"x"}
