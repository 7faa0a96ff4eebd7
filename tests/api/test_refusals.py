"""What a transition is refused for, in which order, and in which words."""

import pytest

from tests.api.stories import FOUND, Story, faults, fire, fired, message, signed
from tests.support.product import People


@pytest.mark.clause("11.10(g)", negative=True)
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


@pytest.mark.clause("11.10(f)", negative=True)
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


@pytest.mark.clause("11.10(g)", negative=True)
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


@pytest.mark.clause("11.10(g)", negative=True)
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


@pytest.mark.clause("11.200", negative=True)
def test_a_signature_with_a_wrong_password_is_denied_before_any_fault(people: People) -> None:
    story = Story(people).approved()
    bad = {"password": "not it", "meaning": "I agree."}
    answer = fire(people("quality_manager"), story.id, "close", signature=bad, bogus=1)
    assert answer.status_code == 403
    assert "password" in message(answer)


@pytest.mark.clause("11.200", negative=True)
def test_a_signature_with_somebody_elses_password_is_denied(people: People) -> None:
    story = Story(people).approved()
    assert fire(people("quality_manager"), story.id, "close", signature=signed("administrator")).status_code == 403


@pytest.mark.clause("11.50", negative=True)
@pytest.mark.clause("11.200", negative=True)
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
