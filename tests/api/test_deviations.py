"""Listing and reporting deviations."""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.stories import Story, body, faults, listed, report
from tests.support.product import People, Product


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
@pytest.mark.clause("Draft 2025, time zones")
def test_dates_come_in_every_form_and_go_out_in_utc(people: People, given: str | None, shown: str | None) -> None:
    assert report(people("user"), discovered_date=given)["discovered_date"] == shown


@pytest.mark.parametrize(
    "given", ["2024-02-30", "15.01.2024", "2024-01-15T25:00:00Z", 1705311000, "", "0001-01-01T00:00:00+14:00"]
)
@pytest.mark.clause("Draft 2025, time zones", negative=True)
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


@pytest.mark.parametrize("field", ["title", "department", "location", "related_batch"])
@pytest.mark.parametrize("text", ["a\tb", "a\nb", "a\n"])
def test_what_is_shown_on_one_line_has_none(people: People, field: str, text: str) -> None:
    assert faults(people("user").post("/api/deviations/", json=body(**{field: text}))).keys() == {field}


@pytest.mark.clause("11.10(e)", negative=True)
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
        ({"date_to": "9999-12-31"}, True),
        ({"date_to": "9999-12-31T23:59:59.999999Z"}, True),
    ):
        assert bool(listed(people, department="Bounds", **params)) is found, params


def test_both_bad_bounds_are_told(people: People) -> None:
    answer = people("viewer").get("/api/deviations/", params={"date_from": "soon", "date_to": "9999-12-32"})
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
