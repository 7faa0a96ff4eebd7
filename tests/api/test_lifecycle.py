"""Every step of a deviation's life, over HTTP."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.stories import FOUND, Story, faults, fire, fired, report, signed
from tests.support.product import People


@pytest.mark.parametrize(
    ("classification", "reviews"),
    [
        ("MINOR", ["approve_department"]),
        ("MAJOR", ["approve_department", "approve_qa"]),
        ("CRITICAL", ["approve_department", "approve_qa", "approve"]),
    ],
)
@pytest.mark.clause("11.10(f)")
def test_a_deviation_goes_from_report_to_closure_along_its_chain(
    people: People, classification: str, reviews: list[str]
) -> None:
    story = Story(people, classification).closed()
    assert story.record["status"] == "CLOSED"
    assert story.record["closed_at"] is not None
    events = [entry["event"].removeprefix("deviation.") for entry in story.history()]
    names = {"approve_department": "department_approved", "approve_qa": "qa_approved", "approve": "approved"}
    assert events == [
        "created",
        "investigator_assigned",
        "investigation_recorded",
        "investigation_submitted",
        *(names[review] for review in reviews),
        "closed",
    ]


def test_a_rejection_begins_a_new_round(people: People) -> None:
    story = Story(people).submitted()
    after = fired(people("department_head"), story.id, "reject", reason="The cause is not the cause.")
    assert after["status"] == "UNDER_INVESTIGATION"
    again = fired(people("qa_specialist"), story.id, "submit_investigation")
    assert again["status"] == "PENDING_DEPARTMENT_REVIEW"


def test_a_review_asks_and_is_answered(people: People) -> None:
    story = Story(people).submitted()
    asked = fired(people("department_head"), story.id, "request_information", question="Which batch?")
    assert asked["status"] == "INFORMATION_REQUESTED"
    answered = fired(people("qa_specialist"), story.id, "provide_information", answer="Batch 7.")
    assert answered["status"] == "PENDING_DEPARTMENT_REVIEW"


def test_another_investigator_takes_over(people: People) -> None:
    story = Story(people).assigned()
    other = people.id("qa_specialist", another=1)
    after = fired(people("quality_manager"), story.id, "reassign_investigator", investigator=other, reason="Ill.")
    assert (after["status"], after["investigator"]["id"]) == ("UNDER_INVESTIGATION", other)


def test_what_is_closed_can_be_reopened(people: People) -> None:
    story = Story(people).closed()
    given = {"reason": "It happened again.", "signature": signed("quality_manager")}
    after = fired(people("quality_manager"), story.id, "reopen", **given)
    assert (after["status"], after["closed_at"]) == ("UNDER_INVESTIGATION", None)


def test_a_cancelled_deviation_is_answered_once_and_gone(people: People) -> None:
    story = Story(people)
    after = fired(people("quality_manager"), story.id, "cancel", reason="A mistake.")
    assert after["status"] == "CANCELLED"
    assert people("viewer").get(story.path).status_code == 404


def test_an_answer_to_a_transition_is_the_record_as_its_detail_shows_it(people: People) -> None:
    story = Story(people)
    answer = fire(people("quality_manager"), story.id, "assign_investigator", investigator=people.id("qa_specialist"))
    detail = people("viewer").get(story.path)
    assert (answer.content, answer.headers["ETag"]) == (detail.content, detail.headers["ETag"])


def test_offers_tell_what_may_be_fired_now_and_why_not_the_rest(people: People) -> None:
    story = Story(people)
    answer = people("quality_manager").get(f"{story.path}transitions/").json()
    assert answer.keys() == {"status", "transitions"}
    assert answer["status"] == "OPEN"
    offers = {it["name"]: it for it in answer["transitions"]}
    assert offers["assign_investigator"] == {
        "name": "assign_investigator",
        "label": "Assign investigator",
        "to": "UNDER_INVESTIGATION",
        "allowed": True,
        "why_not": [],
        "requires": ["investigator"],
    }
    assert not offers["close"]["allowed"]
    assert offers["close"]["why_not"] == ["Close is not possible in OPEN, only in APPROVED."]
    assert offers["close"]["requires"] == ["signature"]
    assert "edit" not in offers


def test_offers_to_a_viewer_say_who_may(people: People) -> None:
    offers = people("viewer").get(f"{Story(people).path}transitions/").json()["transitions"]
    assert not any(offer["allowed"] for offer in offers)
    assert all(offer["why_not"] for offer in offers)


def test_findings_are_recorded_by_the_investigator_alone(people: People) -> None:
    story = Story(people).assigned()
    path = f"{story.path}investigation/"
    assert people("qa_specialist", another=1).put(path, json=FOUND).status_code == 403
    answer = people("qa_specialist").put(path, json={"findings": "First."})
    assert answer.status_code == 200
    investigation = answer.json()["investigation"]
    assert investigation["findings"] == "First."
    again = people("qa_specialist").put(path, json={**investigation, "root_cause_analysis": "Second."})
    assert again.json()["investigation"] == {**investigation, "root_cause_analysis": "Second."}


def test_findings_outside_an_investigation_are_409(people: People) -> None:
    story = Story(people).submitted()
    answer = people("quality_manager").put(f"{story.path}investigation/", json=FOUND)
    assert answer.status_code == 409


def test_findings_are_of_closed_sets_and_bounds(people: People) -> None:
    story = Story(people).assigned()
    bad = {"investigation_method": "GUESS", "findings": "x" * 20_001, "completed_at": "2024-01-15"}
    answer = people("qa_specialist").put(f"{story.path}investigation/", json=bad)
    assert faults(answer).keys() == {"investigation_method", "findings", "completed_at"}


def test_of_many_at_once_that_mean_any_version_none_is_refused(people: People) -> None:
    path = f"/api/deviations/{report(people('user'))['id']}/"
    client = people("user")

    def change(number: int) -> int:
        return client.patch(path, json={"title": f"Title {number}"}, headers={"If-Match": "*"}).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(change, range(6))) == {200}


def test_two_at_once_under_the_same_version_do_not_both_win(people: People) -> None:
    made = report(people("user"))
    path = f"/api/deviations/{made['id']}/"
    tag = people("user").get(path).headers["ETag"]
    answers = [
        people("user").patch(path, json={"title": title}, headers={"If-Match": tag}).status_code
        for title in ("One", "Two")
    ]
    assert answers == [200, 412]
