"""Reports over HTTP: what they count, what they take, and their forms."""

import csv
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import httpx
import pytest
from openpyxl import load_workbook

from tests.api.stories import Story, faults, fired, signed
from tests.support.product import People

_SVG = "{http://www.w3.org/2000/svg}"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def department() -> str:
    """A department that nobody else reports in."""
    return f"=Lab {secrets.token_hex(4)}"


@pytest.fixture
def reported(people: People, department: str) -> str:
    """A department with one deviation that is open, one closed, and one that was closed and opened again."""
    Story(people, department=department, classification="CRITICAL", category="OTHER")
    Story(people, department=department).closed()
    again = Story(people, department=department).closed()
    fired(people("quality_manager"), again.id, "reopen", reason="Not so", signature=signed("quality_manager"))
    return department


def _asked(people: People, path: str = "deviations", role: str = "viewer", **params: Any) -> httpx.Response:
    return people(role).get(f"/api/reports/{path}/", params=params)


def _report(people: People, path: str = "deviations", **params: Any) -> dict[str, Any]:
    answer = _asked(people, path, **params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_report_counts_what_came_and_went_and_what_is_open(people: People, reported: str) -> None:
    found = _report(people, department=reported)
    this = found["rows"][-1]
    counted = {name: this[name] for name in ("opened", "reopened", "closed", "cancelled", "open_at_end", "overdue")}
    assert counted == {"opened": 3, "reopened": 1, "closed": 2, "cancelled": 0, "open_at_end": 2, "overdue": 0}
    assert this["by_classification"] == {"CRITICAL": 1, "MAJOR": 0, "MINOR": 2}
    assert (this["by_category"]["OTHER"], this["by_category"]["EQUIPMENT"]) == (1, 2)
    assert {name: count for name, count in this["by_status"].items() if count} == {
        "OPEN": 1,
        "UNDER_INVESTIGATION": 1,
        "CLOSED": 1,
    }
    assert this["by_department"] == {reported: 3}
    assert this["days_to_close"] == {"mean": 0.0, "p90": 0.0}
    assert found["totals"] == this | {"from": found["start_date"], "to": found["end_date"]}


def test_a_report_that_nothing_falls_into_is_all_zeros(people: People, department: str) -> None:
    found = _report(
        people, "capas", department=department, period="yearly", start_date="2020-01-01", end_date="2021-06-30"
    )
    assert [(row["from"], row["to"]) for row in found["rows"]] == [
        ("2020-01-01", "2020-12-31"),
        ("2021-01-01", "2021-06-30"),
    ]
    for row in (*found["rows"], found["totals"]):
        assert row["days_to_close"] == {"mean": None, "p90": None}
        assert row["effectiveness_rate"] is None
        assert set(row["by_priority"]) == {"LOW", "MEDIUM", "HIGH", "URGENT"}
        assert set(row["by_source_type"]) == {"DEVIATION", "AUDIT", "COMPLAINT", "MANUAL"}
        assert {"INITIATED", "CLOSED", "CANCELLED"} <= set(row["by_status"])
        assert row["by_department"] == {}
        closed_sets = [value for name, value in row.items() if name.startswith("by_")]
        assert not any(count for counts in closed_sets for count in counts.values())
        assert row["opened"] == row["closed"] == row["open_at_end"] == row["overdue"] == 0


@pytest.mark.parametrize(
    ("period", "back"),
    [
        ("daily", lambda today: today - timedelta(days=11)),
        ("weekly", lambda today: today - timedelta(days=today.weekday() + 77)),
        ("monthly", lambda today: date(today.year - (today.month < 12), (today.month % 12) + 1, 1)),
        ("yearly", lambda today: date(today.year - 11, 1, 1)),
    ],
)
def test_without_dates_it_shows_the_last_twelve_periods(
    people: People, period: str, back: Callable[[date], date]
) -> None:
    found = _report(people, period=period, department="nobody's")
    today = datetime.now(UTC).date()
    assert len(found["rows"]) == 12
    assert (found["start_date"], found["end_date"]) == (back(today).isoformat(), today.isoformat())
    assert (found["period"], found["time_zone"]) == (period, "UTC")


def test_periods_are_those_of_the_calendar_cut_at_the_days_that_are_asked_for(people: People) -> None:
    weeks = _report(people, period="weekly", start_date="2026-01-01", end_date="2026-01-13")["rows"]
    assert [(row["from"], row["to"]) for row in weeks] == [
        ("2026-01-01", "2026-01-04"),
        ("2026-01-05", "2026-01-11"),
        ("2026-01-12", "2026-01-13"),
    ]


def test_without_a_period_it_is_monthly(people: People) -> None:
    assert _report(people, start_date="2026-01-31", end_date="2026-02-01")["period"] == "monthly"


def test_a_capa_report_says_how_many_checks_found_an_effect(people: People, department: str) -> None:
    capa = {"title": "Better labels", "description": "For line 4.", "department": department, "priority": "HIGH"}
    made = people("quality_manager").post("/api/capas/", json=capa)
    assert made.status_code == 201, made.text
    this = _report(people, "capas", department=department)["rows"][-1]
    assert (this["opened"], this["open_at_end"], this["effectiveness_rate"]) == (1, 1, None)
    assert (this["by_priority"]["HIGH"], this["by_source_type"]["MANUAL"], this["by_status"]["INITIATED"]) == (1, 1, 1)
    assert this["by_category"]["UNCATEGORIZED"] == 1


def test_the_dashboard_shows_what_is_open_and_the_last_twelve_months(people: People, reported: str) -> None:
    found = _report(people, "dashboard", department=reported)
    assert set(found) == {"time_zone", "generated_at", "filters", "deviations", "capas"}
    it = found["deviations"]
    assert (it["open"], it["overdue"]) == (2, 0)
    assert {name: count for name, count in it["by_stage"].items() if count} == {"OPEN": 1, "UNDER_INVESTIGATION": 1}
    assert not {"CLOSED", "CANCELLED"} & set(it["by_stage"])
    assert it["by_department"] == {reported: 2}
    assert it["ageing"] == {"0-7": 2, "8-30": 0, "31-60": 0, "61-90": 0, ">90": 0}
    assert [(month["opened"], month["closed"], month["open_at_end"]) for month in it["trend"]] == [
        *[(0, 0, 0)] * 11,
        (3, 2, 2),
    ]
    assert found["capas"]["open"] == 0


def test_the_dashboard_tells_what_is_overdue_and_what_is_due_this_week(people: People, department: str) -> None:
    now = datetime.now(UTC)
    sunday = now + timedelta(days=6 - now.weekday())
    Story(people, department=department, due_date="2026-01-01T00:00:00Z")
    Story(people, department=department, due_date=sunday.date().isoformat() + "T23:59:59Z")
    it = _report(people, "dashboard", department=department)["deviations"]
    assert (it["open"], it["overdue"], it["due_this_week"]) == (2, 1, 1)


def test_an_answer_that_was_kept_is_not_given_once_something_happened(people: People, department: str) -> None:
    for count in (1, 2):
        Story(people, department=department)
        for _ in range(2):
            assert _report(people, department=department)["totals"]["opened"] == count
            assert _report(people, "dashboard", department=department)["deviations"]["open"] == count


def test_who_may_not_read_reports_is_told(people: People) -> None:
    for path in ("deviations", "capas", "dashboard"):
        answer = _asked(people, path, role="user", period="never")
        assert answer.status_code == 403
        assert "report.read" in answer.text


def test_all_faults_of_a_question_are_told_at_once(people: People) -> None:
    told = faults(_asked(people, period="hourly", start_date="2026-02-30", end_date="soon", format="pdf", colour="red"))
    assert told == {
        "period": "Must be of daily, weekly, monthly, yearly.",
        "start_date": "Not a date or a time: 2024-01-15 or 2024-01-15T09:30:00Z.",
        "end_date": "Not a date or a time: 2024-01-15 or 2024-01-15T09:30:00Z.",
        "format": "Must be of json, csv, xlsx, svg.",
        "colour": "Unknown field.",
    }


def test_a_time_stands_for_its_day_in_the_time_zone_of_the_reports(people: People) -> None:
    """A bare date is that day, whatever the zone."""
    days = {"start_date": "2026-01-14T23:30:00Z", "end_date": "2026-01-16"}
    found = _report(people, period="daily", **days)
    assert (found["start_date"], found["end_date"]) == ("2026-01-14", "2026-01-16")
    admin = people("administrator")
    assert admin.put("/api/config/system/", json={"time_zone": "Asia/Tokyo"}).status_code == 200
    try:
        found = _report(people, period="daily", **days)
        assert (found["start_date"], found["end_date"]) == ("2026-01-15", "2026-01-16")
        assert "end_date" in faults(_asked(people, end_date="9999-12-31T23:59:59Z"))
    finally:
        admin.put("/api/config/system/", json={"time_zone": "UTC"})


def test_days_that_no_report_can_show_are_refused(people: People) -> None:
    told = faults(_asked(people, start_date="2026-03-01", end_date="1066-10-14"))
    assert set(told) == {"start_date", "end_date"}
    for far in ("0001-01-01", "1970-01-01", "9999-12-31", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert set(faults(_asked(people, end_date=far))) == {"end_date"}
        assert "start_date" in faults(_asked(people, start_date=far))
    assert "period" in faults(_asked(people, period="daily", start_date="2020-01-01", end_date="2026-01-01"))
    assert len(_report(people, period="daily", start_date="2024-01-01", end_date="2026-09-26")["rows"]) == 1000


def test_csv_has_a_header_and_a_line_a_period(people: People, reported: str) -> None:
    answer = _asked(people, department=reported, format="csv", start_date="2026-01-01", end_date="2026-01-31")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    name = 'attachment; filename="deviations-monthly-2026-01-01-2026-01-31.csv"'
    assert answer.headers["Content-Disposition"] == name
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content.endswith(b"\r\n")
    (line,) = csv.DictReader(StringIO(answer.text))
    assert (line["from"], line["to"], line["opened"], line["days_to_close.mean"]) == (
        "2026-01-01",
        "2026-01-31",
        "0",
        "",
    )


def test_no_cell_of_a_csv_is_run_by_a_spreadsheet(people: People, reported: str) -> None:
    answer = _asked(people, "dashboard", department=reported, format="csv")
    names = [line["name"] for line in csv.DictReader(StringIO(answer.text)) if line["figure"] == "by_department"]
    assert names == [f"'{reported}"]


def test_a_workbook_has_typed_cells_and_runs_nothing(people: People, reported: str) -> None:
    answer = _asked(people, "dashboard", department=reported, format="xlsx")
    assert answer.headers["Content-Type"] == _XLSX
    book = load_workbook(BytesIO(answer.content))
    cells = {(row[0].value, row[1].value, row[2].value): row[3] for row in book["Dashboard"].iter_rows(min_row=2)}
    assert (cells["Deviations", "by_department", reported].value, cells["Deviations", "open", None].value) == (2, 2)
    assert all(cell.data_type != "f" for row in book["Dashboard"].iter_rows() for cell in row)
    first = next(book["Deviations trend"].iter_rows(min_row=2))
    assert (first[0].is_date, first[2].value) == (True, 0)


def test_a_workbook_has_a_chart_totals_and_what_it_is_about(people: People, reported: str) -> None:
    book = load_workbook(BytesIO(_asked(people, department=reported, format="xlsx").content))
    rows = list(book["Deviations"].iter_rows(values_only=True))
    assert (len(rows), rows[-1][2]) == (14, 3)
    assert [len(sheet._charts) for sheet in book.chartsheets] == [1]
    about = dict(book["About"].iter_rows(values_only=True))
    assert (about["Department"], about["Time zone"]) == (reported, "UTC")


def test_a_workbook_of_days_to_come_draws_no_line(people: People, department: str) -> None:
    first = date.today() + timedelta(days=40)
    file = _asked(people, department=department, start_date=first, end_date=first + timedelta(days=60), format="xlsx")
    with ZipFile(BytesIO(file.content)) as parts:
        chart = parts.read("xl/charts/chart1.xml").decode()
    assert "<c:barChart>" in chart
    assert "<c:lineChart>" not in chart


def test_a_drawing_is_whole_in_itself(people: People, department: str) -> None:
    odd = f'{department} <script>alert(1)</script> & "x"'
    Story(people, department=odd)
    answer = _asked(people, department=odd, format="svg")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    drawn = ET.fromstring(answer.content)
    kinds = {it.tag.removeprefix(_SVG) for it in drawn.iter()}
    assert kinds <= {"svg", "title", "desc", "rect", "g", "text", "path", "polyline", "circle"}
    assert not [name for it in drawn.iter() for name in it.attrib if "href" in name or name.startswith("on")]
    assert odd in (drawn.find(f"{_SVG}desc").text or "")  # type: ignore[union-attr]
    titles = [it.text for it in drawn.iter(f"{_SVG}title")]
    assert any(title and title.endswith(": 1 opened") for title in titles)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        (f"application/json;q=0.5, {_XLSX}", _XLSX),
        ("image/svg+xml, */*;q=0.8", "image/svg+xml"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("application/pdf", "application/json"),
        ("nonsense;q=much,,", "application/json"),
    ],
)
def test_accept_asks_for_a_form_too(people: People, accept: str, given: str) -> None:
    answer = people("viewer").get("/api/reports/dashboard/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, given)


def test_the_query_beats_accept(people: People) -> None:
    answer = people("viewer").get("/v1/reports/capas/?format=json", headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"] == "application/json"
