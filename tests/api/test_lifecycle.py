"""Every step of a deviation's life, over HTTP."""

import pytest

from tests.api.stories import FOUND, Story, faults, fire, fired, message, report, signed
from tests.support.product import People


@pytest.mark.parametrize(
    ("classification", "reviews"),
    [
        ("MINOR", ["approve_department"]),
        ("MAJOR", ["approve_department", "approve_qa"]),
        ("CRITICAL", ["approve_department", "approve_qa", "approve"]),
    ],
)
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


def test_who_may_not_fire_is_denied_even_where_the_step_is_impossible(people: People) -> None:
    story = Story(people)
    answer = fire(people("viewer"), story.id, "close", signature=signed("viewer"))
    assert answer.status_code == 403
    assert "only a quality manager" in message(answer)


def test_a_missing_record_comes_before_a_missing_right(people: People) -> None:
    assert fire(people("viewer"), 2**40, "close").status_code == 404
    assert fire(people("viewer"), 2**64, "close").status_code == 404


def test_a_missing_right_comes_before_a_wrong_version(people: People) -> None:
    story = Story(people)
    given = {"json": {"transition": "cancel"}, "headers": {"If-Match": '"99-x"'}}
    assert people("viewer").post(f"{story.path}transition/", **given).status_code == 403
    assert people("quality_manager").post(f"{story.path}transition/", **given).status_code == 412


def test_a_fault_comes_before_an_impossible_state(people: People) -> None:
    story = Story(people)
    assert faults(fire(people("quality_manager"), story.id, "close")) == {"signature": "This field is required."}


def test_an_impossible_step_is_409_and_says_where_it_would_be_possible(people: People) -> None:
    story = Story(people)
    answer = fire(people("quality_manager"), story.id, "close", signature=signed("quality_manager"))
    assert answer.status_code == 409
    assert message(answer) == "Close is not possible in OPEN, only in APPROVED."
    assert answer.json()["error"]["details"] == [{"field": "", "message": message(answer)}]


def test_a_guard_that_refuses_is_named(people: People) -> None:
    story = Story(people).assigned()
    answer = fire(people("qa_specialist"), story.id, "submit_investigation")
    assert answer.status_code == 409
    assert "must be recorded first" in message(answer)


def test_the_investigator_can_not_approve(people: People) -> None:
    story = Story(people)
    manager = people("quality_manager")
    fired(manager, story.id, "assign_investigator", investigator=people.id("quality_manager"))
    manager.put(f"{story.path}investigation/", json=FOUND)
    fired(manager, story.id, "submit_investigation")
    admin = people("administrator")
    offered = {it["name"]: it for it in admin.get(f"{story.path}transitions/").json()["transitions"]}
    assert offered["approve_department"]["allowed"]
    assert fire(manager, story.id, "approve_department", signature=signed("quality_manager")).status_code == 403


def test_the_approvals_of_one_round_come_from_different_people(people: People) -> None:
    story = Story(people, "MAJOR").submitted()
    admin = people("administrator")
    fired(admin, story.id, "approve_department", signature=signed("administrator"))
    answer = fire(admin, story.id, "approve_qa", signature=signed("administrator"))
    assert answer.status_code == 409
    assert "different people" in message(answer)


def test_a_head_of_another_department_is_denied(people: People) -> None:
    story = Story(people, department="Packing").submitted()
    other = people("department_head", department="Laboratory")
    assert fire(other, story.id, "approve_department", signature=signed("department_head")).status_code == 403
    own = people("department_head", department="Packing")
    assert fire(own, story.id, "approve_department", signature=signed("department_head")).status_code == 200


def test_who_may_not_investigate_is_not_assigned(people: People) -> None:
    story = Story(people)
    for nobody in (people.id("viewer"), 2**40):
        answer = fire(people("quality_manager"), story.id, "assign_investigator", investigator=nobody)
        assert answer.status_code == 409
        assert "active user who may investigate" in message(answer)


def test_a_signature_with_a_wrong_password_is_denied_before_any_fault(people: People) -> None:
    story = Story(people).approved()
    bad = {"password": "not it", "meaning": "I agree."}
    answer = fire(people("quality_manager"), story.id, "close", signature=bad, bogus=1)
    assert answer.status_code == 403
    assert "password" in message(answer)


def test_a_signature_with_somebody_elses_password_is_denied(people: People) -> None:
    story = Story(people).approved()
    assert fire(people("quality_manager"), story.id, "close", signature=signed("administrator")).status_code == 403


def test_a_signature_that_is_not_whole_is_a_fault(people: People) -> None:
    story = Story(people).approved()
    manager = people("quality_manager")
    required = "This field is required."
    assert faults(fire(manager, story.id, "close", signature={"password": "x"})) == {"signature.meaning": required}
    assert faults(fire(manager, story.id, "close", signature={"meaning": "x"})) == {"signature.password": required}
    assert "signature" in faults(fire(manager, story.id, "close", signature="quality_manager-password"))
    blank = {"password": People.password("quality_manager"), "meaning": "  "}
    assert fire(manager, story.id, "close", signature=blank).status_code == 400


def test_a_signature_says_nothing_in_control_characters(people: People) -> None:
    story = Story(people).approved()
    bad = {"password": People.password("quality_manager"), "meaning": "I\x00agree"}
    assert "signature.meaning" in faults(fire(people("quality_manager"), story.id, "close", signature=bad))


def test_an_unknown_transition_is_refused_naming_all(people: People) -> None:
    answer = fire(people("quality_manager"), Story(people).id, "finish")
    assert "assign_investigator" in faults(answer)["transition"]


def test_an_edit_is_no_transition(people: People) -> None:
    assert "transition" in faults(fire(people("quality_manager"), Story(people).id, "edit"))


def test_another_steps_fields_are_refused_beside_what_is_missing(people: People) -> None:
    answer = fire(people("quality_manager"), Story(people).id, "cancel", investigator=7)
    assert faults(answer) == {
        "reason": "This field is required.",
        "investigator": "This step does not take this field.",
    }


def test_all_faults_of_a_transition_are_told_at_once(people: People) -> None:
    answer = fire(people("quality_manager"), Story(people).id, "reopen", comment=5, bogus=1)
    assert faults(answer).keys() == {"comment", "bogus", "reason", "signature"}


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


def test_two_at_once_under_the_same_version_do_not_both_win(people: People) -> None:
    made = report(people("user"))
    path = f"/api/deviations/{made['id']}/"
    tag = people("user").get(path).headers["ETag"]
    answers = [
        people("user").patch(path, json={"title": title}, headers={"If-Match": tag}).status_code
        for title in ("One", "Two")
    ]
    assert answers == [200, 412]
