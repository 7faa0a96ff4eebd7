"""Changing deviations with PUT and PATCH."""

from datetime import datetime, timedelta

import pytest

from tests.api.stories import Story, faults, message, signed
from tests.support.product import People


def test_only_the_fields_given_change(people: People) -> None:
    story = Story(people, location="Lab 3")
    for method in ("PUT", "PATCH"):
        after = people("user").request(method, story.path, json={"title": method})
        assert after.status_code == 200
        expected = {**story.record, "title": method, "updated_at": after.json()["updated_at"]}
        assert after.json() == expected


def test_the_whole_record_put_back_is_no_change(people: People) -> None:
    story = Story(people, discovered_date="2024-01-15T09:30:00.5Z").investigated()
    before = people("quality_manager").get(story.path)
    after = people("quality_manager").put(story.path, json=before.json())
    assert after.status_code == 200, after.text
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])


def test_the_whole_record_put_back_in_a_late_state_is_no_change(people: People) -> None:
    story = Story(people).closed()
    before = people("quality_manager").get(story.path)
    assert people("quality_manager").put(story.path, json=before.json()).content == before.content


def test_read_only_fields_that_change_are_refused(people: People) -> None:
    story = Story(people)
    changed = {"id": 7, "deviation_number": "DEV-1", "initiated_by": None, "initiation_date": "2024-01-15"}
    found = faults(people("user").put(story.path, json={**story.record, **changed, "title": "New"}))
    assert found == dict.fromkeys(changed, "This field is read-only.")


def test_who_reported_edits_while_it_is_open_and_no_longer(people: People) -> None:
    story = Story(people)
    assert people("user", another=1).patch(story.path, json={"title": "x"}).status_code == 403
    assert people("user").patch(story.path, json={"title": "x"}).status_code == 200
    story.assigned()
    assert people("user").patch(story.path, json={"title": "y"}).status_code == 403


@pytest.mark.clause("Annex 11 § 9, reasons", negative=True)
def test_a_later_edit_takes_a_quality_manager_and_a_reason(people: People) -> None:
    story = Story(people).assigned()
    manager = people("quality_manager")
    assert faults(manager.patch(story.path, json={"title": "x"})) == {"reason": "This field is required."}
    assert manager.patch(story.path, json={"title": "x", "reason": "Misnamed."}).status_code == 200
    assert story.history()[-1]["reason"] == "Misnamed."


def test_nothing_is_edited_once_it_is_submitted(people: People) -> None:
    story = Story(people).submitted()
    answer = people("quality_manager").patch(story.path, json={"title": "x", "reason": "Late."})
    assert answer.status_code == 409
    assert "PENDING_DEPARTMENT_REVIEW" in message(answer)


def test_a_new_classification_moves_the_due_date_and_takes_a_quality_manager(people: People) -> None:
    story = Story(people)
    assert people("user").patch(story.path, json={"classification": "CRITICAL"}).status_code == 403
    after = people("quality_manager").patch(story.path, json={"classification": "CRITICAL"}).json()
    begun, due = (datetime.fromisoformat(after[name]) for name in ("initiation_date", "due_date"))
    assert due - begun == timedelta(days=3)
    (change,) = [it for it in story.history()[-1]["changes"] if it["field"] == "classification"]
    assert change == {"field": "classification", "before": "MINOR", "after": "CRITICAL"}


def test_a_changed_status_fires_its_transition_with_the_other_fields_in_one_append(people: People) -> None:
    story = Story(people)
    given = {"status": "UNDER_INVESTIGATION", "investigator": people.id("qa_specialist"), "location": "Lab 9"}
    answer = people("quality_manager").put(story.path, json={**story.record, **given, "comment": "Go."})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["location"]) == ("UNDER_INVESTIGATION", "Lab 9")
    edit, step = story.history()[-2:]
    assert (edit["event"], step["event"]) == ("deviation.updated", "deviation.investigator_assigned")
    assert step["position"] == edit["position"] + 1


def test_a_signed_transition_goes_through_status_too_also_with_an_edit_before_it(people: People) -> None:
    story = Story(people).approved()
    given = {"status": "CLOSED", "signature": signed("quality_manager")}
    answer = people("quality_manager").put(story.path, json=given)
    assert answer.json()["status"] == "CLOSED"
    assert story.history()[-1]["signature"]["valid"] is True


def test_a_status_that_no_transition_leads_to_is_409_and_one_that_is_none_400(people: People) -> None:
    story = Story(people)
    manager = people("quality_manager")
    answer = manager.put(story.path, json={"status": "CLOSED"})
    assert answer.status_code == 409
    assert message(answer) == "From OPEN no transition leads to CLOSED."
    assert "status" in faults(manager.put(story.path, json={"status": "FINISHED"}))
    assert people("viewer").put(story.path, json={"status": "CLOSED"}).status_code == 403


def test_what_only_a_transition_takes_is_refused_where_none_is_meant(people: People) -> None:
    story = Story(people)
    given = {"title": "x", "investigator": 7, "question": "Why?", "signature": signed("quality_manager")}
    found = faults(people("quality_manager").put(story.path, json=given))
    assert found == dict.fromkeys(["investigator", "question", "signature"], "Only a transition takes this field.")


def test_a_refused_step_takes_the_edit_beside_it_down(people: People) -> None:
    story = Story(people)
    given = {"title": "Not kept", "status": "UNDER_INVESTIGATION", "investigator": people.id("viewer")}
    assert people("quality_manager").put(story.path, json=given).status_code == 409
    assert people("viewer").get(story.path).json()["title"] == "Wrong label"
