"""Listing, reporting, changing and removing deviations."""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.stories import Story, body, faults, message, report, signed
from tests.support.product import People, Product


def listed(people: People, role: str = "viewer", **params: Any) -> list[int]:
    answer = people(role).get("/api/deviations/", params=params)
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()["results"]]


def test_a_list_shows_exactly_the_documents_fields(people: People) -> None:
    made = report(people("user"), department="Fields")
    (record,) = people("viewer").get("/api/deviations/", params={"department": "Fields"}).json()["results"]
    assert record == {
        "id": made["id"],
        "deviation_number": made["deviation_number"],
        "title": "Wrong label",
        "description": "Seen on line 4.",
        "category": "EQUIPMENT",
        "classification": "MINOR",
        "department": "Fields",
        "status": "OPEN",
        "priority": "MEDIUM",
        "initiated_by": people.id("user"),
        "initiation_date": made["initiation_date"],
        "due_date": made["due_date"],
    }


def test_a_detail_shows_the_documents_fields(people: People) -> None:
    made = report(people("user"), location="Lab 3", discovered_date="2024-01-14T14:20:00Z")
    detail = people("viewer").get(f"/api/deviations/{made['id']}/").json()
    assert detail == made
    assert detail["initiated_by"].keys() == {"id", "username", "first_name", "last_name"}
    assert detail["discovered_date"] == "2024-01-14T14:20:00Z"
    assert (detail["attachments"], detail["investigation"]) == ([], None)
    assert detail["deviation_number"].startswith(f"DEV-{detail['initiation_date'][:4]}-")


@pytest.mark.parametrize(("classification", "days"), [("CRITICAL", 3), ("MAJOR", 7), ("MINOR", 30)])
def test_a_deviation_is_due_by_its_classification(people: People, classification: str, days: int) -> None:
    made = report(people("user"), classification=classification)
    begun, due = (datetime.fromisoformat(made[name]) for name in ("initiation_date", "due_date"))
    assert due - begun == timedelta(days=days)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2024-01-15", "2024-01-15T00:00:00Z"),
        ("2024-01-15T09:30:00Z", "2024-01-15T09:30:00Z"),
        ("2024-01-15T09:30:00", "2024-01-15T09:30:00Z"),
        ("2024-01-15T09:30:00+02:00", "2024-01-15T07:30:00Z"),
        ("2024-01-15T09:30:00.987654Z", "2024-01-15T09:30:00Z"),
        (None, None),
    ],
)
def test_dates_come_in_every_form_and_go_out_in_utc(people: People, given: str | None, shown: str | None) -> None:
    assert report(people("user"), discovered_date=given)["discovered_date"] == shown


@pytest.mark.parametrize(
    "given", ["2024-02-30", "15.01.2024", "2024-01-15T25:00:00Z", 1705311000, "", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_date_is_refused(people: People, given: Any) -> None:
    answer = people("user").post("/api/deviations/", json=body(discovered_date=given))
    assert faults(answer).keys() == {"discovered_date"}


def test_every_fault_of_a_report_is_told_with_its_reason(people: People) -> None:
    bad = {
        "title": "",
        "category": "WRONG",
        "classification": 5,
        "department": "x" * 201,
        "priority": None,
        "related_batch": ["x"],
        "titel": "x",
        "id": 7,
    }
    found = faults(people("user").post("/api/deviations/", json=bad))
    assert found.keys() == {*bad, "description"}
    assert found["description"] == "This field is required."
    assert found["category"] == "Must be of PROCEDURAL, EQUIPMENT, MATERIAL, ENVIRONMENTAL, OTHER."
    assert found["titel"] == "Unknown field. Did you mean title?"


def test_blank_text_is_no_text(people: People) -> None:
    assert faults(people("user").post("/api/deviations/", json=body(title="  "))).keys() == {"title"}


def test_text_is_kept_in_nfc(people: People) -> None:
    decomposed = unicodedata.normalize("NFD", "Öl in Größe")
    assert report(people("user"), title=decomposed)["title"] == unicodedata.normalize("NFC", decomposed)


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\x7f", "\x85", "\r"])
def test_control_characters_are_refused(people: People, char: str) -> None:
    assert faults(people("user").post("/api/deviations/", json=body(description=f"a{char}b"))).keys() == {"description"}


def test_tabs_and_newlines_are_text(people: People) -> None:
    assert report(people("user"), description="a\tb\nc")["description"] == "a\tb\nc"


def test_clients_can_not_set_the_envelope(people: People) -> None:
    answer = people("user").post("/api/deviations/", json=body(actor=1, request="x", initiated_by=1, status="CLOSED"))
    assert faults(answer).keys() == {"actor", "request", "initiated_by", "status"}


def test_lists_narrow_by_status_and_department_exactly(people: People) -> None:
    first, second = Story(people, department="Narrow").id, Story(people, department="Narrow").assigned().id
    assert listed(people, department="Narrow") == [second, first]
    assert listed(people, department="Narrow", status="OPEN") == [first]
    assert listed(people, department="Narrow", status="") == [second, first]
    assert listed(people, department="narrow") == []
    assert listed(people, department="Narrow", status="NO_SUCH_STATUS") == []


def test_date_bounds_are_whole_days_in_utc_both_ends_in(people: People) -> None:
    made = report(people("user"), department="Bounds")
    begun = datetime.fromisoformat(made["initiation_date"])
    today, tomorrow, yesterday = ((begun + timedelta(days=days)).date().isoformat() for days in (0, 1, -1))
    for params, found in (
        ({"date_from": today}, True),
        ({"date_to": today}, True),
        ({"date_from": today, "date_to": today}, True),
        ({"date_from": tomorrow}, False),
        ({"date_to": yesterday}, False),
        ({"date_from": made["initiation_date"], "date_to": made["initiation_date"]}, True),
        ({"date_to": (begun - timedelta(seconds=1)).isoformat()}, False),
        ({"date_from": (begun + timedelta(seconds=1)).astimezone(UTC).isoformat()}, False),
        ({"date_to": "9999-12-30"}, True),
    ):
        assert bool(listed(people, department="Bounds", **params)) is found, params


def test_both_bad_bounds_are_told(people: People) -> None:
    answer = people("viewer").get("/api/deviations/", params={"date_from": "soon", "date_to": "9999-12-31"})
    assert faults(answer).keys() == {"date_from", "date_to"}


def test_links_are_made_of_the_host_that_was_asked(people: People) -> None:
    for _ in range(2):
        report(people("user"), department="Links")
    params = {"department": "Links", "limit": 1}
    for host in ("api.example.com", "[::1]:8000"):
        headers = {"Host": host, "X-Forwarded-Host": "spoofed.example", "X-Forwarded-Proto": "https"}
        answer = people("viewer").get("/api/deviations/", params=params, headers=headers)
        assert answer.json()["next"].startswith(f"http://{host}/api/deviations/?")


def test_a_host_that_can_be_none_is_in_no_answer(people: People) -> None:
    for host in ('evil.com/"><script>', "evil.com@good.com", "evil.com\\x", "evil com"):
        answer = people("viewer").get("/api/deviations/", params={"limit": 1}, headers={"Host": host})
        assert "evil" not in answer.text


def test_links_under_v1_api_keep_that_prefix(people: People, product: Product) -> None:
    for _ in range(2):
        report(people("user"), department="Prefix")
    answer = people("viewer").get("/v1/api/deviations", params={"department": "Prefix", "limit": 1})
    assert answer.json()["next"].startswith(f"{product.base}/v1/api/deviations/?")


# Changing.


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


# Removing.


@pytest.mark.parametrize(
    ("params", "given", "reason"),
    [
        ({}, None, "deleted through the API"),
        ({"reason": "Twice reported"}, None, "Twice reported"),
        ({}, {"reason": "A mistake"}, "A mistake"),
    ],
)
def test_removing_cancels_with_a_reason(
    people: People, params: dict[str, str], given: dict[str, str] | None, reason: str
) -> None:
    story = Story(people, department="Removed")
    answer = people("quality_manager").request("DELETE", story.path, params=params, json=given)
    assert (answer.status_code, answer.content) == (204, b"")
    entry = story.history()[-1]
    assert (entry["event"], entry["to"], entry["reason"]) == ("deviation.cancelled", "CANCELLED", reason)


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
    assert people("quality_manager").delete(Story(people).submitted().path).status_code == 409


def test_faults_of_query_and_body_of_a_removal_are_told_together(people: People) -> None:
    answer = people("quality_manager").request("DELETE", Story(people).path, params={"why": "x"}, json={"resaon": "x"})
    assert faults(answer).keys() == {"why", "resaon"}


def test_parameters_are_refused_where_none_are_taken(people: People) -> None:
    story = Story(people)
    assert faults(people("viewer").get(story.path, params={"expand": "all"})).keys() == {"expand"}
    answer = people("user").post("/api/deviations/", params={"dry": "1"}, json=body(title=5))
    assert faults(answer).keys() == {"dry", "title"}
    assert faults(people("user").patch(story.path, params={"x": "1"}, json={"title": "y"})).keys() == {"x"}
