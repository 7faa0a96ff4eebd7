"""The audit trail: who sees it, what is in it, how it is narrowed and walked through."""

import csv
import json
import re
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
import pytest

from api.dialects.masetra.trail_entries import MOST_EVENTS, affordable
from projections.trail_queries import Found
from tests.api.stories import Story, body, faults, listed, report, signed
from tests.api.trails import after, ask, head, last, told
from tests.domain.people import STREAM
from tests.support.product import Client, People, Product


@pytest.fixture
def auditor(people: People) -> Client:
    return people("auditor")


@pytest.mark.clause("11.10(e)")
def test_an_entry_is_that_of_the_history_with_record_risk_and_review(product: Product, people: People) -> None:
    story = Story(people).closed()
    entry = last(product, people("auditor"), record=f"deviation/{story.id}")
    history = story.history()[-1]
    assert entry.keys() == history.keys() | {"record", "risk", "review"}
    assert {name: entry[name] for name in history} == history
    assert entry["record"] == {"kind": "deviation", "id": story.id, "number": story.record["deviation_number"]}
    assert (entry["risk"], entry["review"]) == ("low", None)
    assert entry["signature"]["valid"] is True


def test_what_each_event_changed_is_told_as_in_the_records_history(product: Product, people: People) -> None:
    story = Story(people).closed()
    shown = told(product, people("auditor"), record=f"deviation/{story.id}")
    assert [it["changes"] for it in shown[::-1]] == [it["changes"] for it in story.history()]


def test_one_event_is_shown_by_its_position(product: Product, people: People, auditor: Client) -> None:
    story = Story(people)
    entry = last(product, auditor, record=story.record["deviation_number"])
    assert ask(product, auditor, f"{entry['position']}/").json() == entry
    assert ask(product, auditor, f"{2**40}/").status_code == 404
    assert ask(product, auditor, f"{2**70}/").status_code == 404


@pytest.mark.parametrize("path", ["", "queue/", "1/", "1/transitions/"])
@pytest.mark.clause("11.10(d)", negative=True)
def test_the_trail_is_for_those_who_may_read_or_review_it(people: People, path: str) -> None:
    for role, status in (("auditor", 200), ("quality_manager", 200), ("administrator", 200), ("viewer", 403)):
        assert people(role).get(f"/api/audit/{path}").status_code == status, role
    assert people("viewer")._http.get(f"/api/audit/{path}").status_code == 401


def test_the_trail_is_narrowed_by_record_user_event_risk_text_and_time(
    product: Product, people: People, auditor: Client
) -> None:
    story = Story(people, title="Quixotic freezer")
    people("quality_manager").post(f"{story.path}transition/", json={"transition": "cancel", "reason": "zyzzyva"})
    manager = people.id("quality_manager")
    of_record = {"record": story.record["deviation_number"]}
    assert [it["event"] for it in told(product, auditor, **of_record)] == ["deviation.cancelled", "deviation.created"]
    for params in ({"user": manager}, {"event": "deviation.cancelled"}, {"risk": "high"}, {"search": "ZYZZYVA"}):
        assert [it["event"] for it in told(product, auditor, **of_record, **params)] == ["deviation.cancelled"], params
    several = {"event": "deviation.created,capa.created"}
    assert [it["event"] for it in told(product, auditor, **of_record, **several)] == ["deviation.created"]
    assert [it["record"]["id"] for it in told(product, auditor, search="quixo* freezer")] == [story.id]
    at = told(product, auditor, **of_record)[1]["at"]
    assert len(told(product, auditor, **of_record, since=at[:10], until=at[:10])) == 2
    assert told(product, auditor, **of_record, until="2020-01-01") == []
    assert told(product, auditor, **of_record, since="2999-01-01") == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"nonsense": "1"}, "nonsense"),
        ({"risk": "huge"}, "risk"),
        ({"user": "ana"}, "user"),
        ({"since": "yesterday"}, "since"),
        ({"record": "spaceship/1"}, "record"),
        ({"record": "ana@example.org"}, "record"),
        ({"record": "DEV-2026"}, "record"),
        ({"limit": "201"}, "limit"),
        ({"format": "xml"}, "format"),
        ({"page": "2"}, "page"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
    ],
    ids=str,
)
def test_what_can_not_be_asked_is_refused_by_its_name(auditor: Client, params: dict[str, str], field: str) -> None:
    assert faults(auditor.get("/api/audit/", params=params)).keys() == {field}


@pytest.mark.clause("11.10(e)")
def test_a_walk_by_cursor_meets_every_event_once_and_goes_back_the_same_way(product: Product, people: People) -> None:
    story = Story(people).closed()
    auditor, pages = people("auditor"), list[dict[str, Any]]()
    answer = ask(product, auditor, record=f"deviation/{story.id}", limit=2, cursor="")
    while True:
        pages.append(answer.json())
        assert pages[-1].keys() == {"next", "previous", "results"}
        if pages[-1]["next"] is None:
            break
        answer = auditor.get(pages[-1]["next"])
    assert [len(page["results"]) for page in pages] == [2, 2, 2]
    assert [it["version"] for page in pages for it in page["results"]] == [6, 5, 4, 3, 2, 1]
    assert pages[0]["previous"] is None
    for before, page in pairwise(pages):
        back = auditor.get(page["previous"]).json()
        assert back["results"] == before["results"]
        assert auditor.get(back["next"]).json()["results"] == page["results"]


def test_a_cursor_of_another_filter_or_of_nobody_is_refused(product: Product, people: People) -> None:
    story = Story(people).assigned()
    auditor = people("auditor")
    following = ask(product, auditor, record=f"deviation/{story.id}", limit=1).json()["next"]
    cursor = re.findall("cursor=([^&]+)", following)[0]
    answer = auditor.get("/api/audit/", params={"record": f"deviation/{story.id}", "user": 1, "cursor": cursor})
    assert "another filter" in faults(answer)["cursor"]
    assert "another filter" in faults(auditor.get("/api/audit/queue/", params={"cursor": cursor}))["cursor"]
    altered = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    answer = auditor.get("/api/audit/", params={"record": f"deviation/{story.id}", "cursor": altered})
    assert "not a cursor of ours" in faults(answer)["cursor"]


def test_links_keep_the_prefix_that_was_asked(product: Product, auditor: Client) -> None:
    page = auditor.get("/v1/audit/", params={"limit": 1}).json()
    assert "/v1/audit/?limit=1&cursor=" in page["next"]


@pytest.mark.clause("11.10(k)")
def test_settings_and_roles_are_in_it_with_what_was_there_before(product: Product, people: People) -> None:
    admin, auditor = people("administrator"), people("auditor")
    days = admin.get("/api/config/system/").json()["delivery_log_days"]
    changed = admin.patch("/api/config/system/", json={"delivery_log_days": days + 1, "reason": "Longer"})
    assert changed.status_code == 200
    entry = last(product, auditor, kind="settings")
    assert entry["changes"] == [{"field": "settings.delivery_log_days", "before": days, "after": days + 1}]
    assert (entry["reason"], entry["risk"], entry["review"]["status"]) == ("Longer", "high", "PENDING")
    made = admin.post("/api/config/roles/", json={"name": "Trail readers", "permissions": ["audit.read"]}).json()
    entry = last(product, auditor, record=f"role/{made['id']}")
    assert after(entry) == {"name": "Trail readers", "permissions": ["audit.read"]}


def test_the_history_of_the_settings_is_for_those_who_see_them(people: People) -> None:
    admin = people("administrator")
    days = admin.get("/api/config/system/").json()["delivery_log_days"]
    admin.patch("/api/config/system/", json={"delivery_log_days": days + 1, "reason": "Once more"})
    page = people("viewer").get("/api/config/system/history/", params={"limit": 200}).json()
    assert page["results"][-1]["reason"] == "Once more"
    assert page["count"] == len(page["results"]) == page["results"][-1]["version"]
    assert people("user").get("/api/config/system/history/").status_code == 403


def test_the_history_of_a_role_is_for_those_who_see_roles(people: People) -> None:
    admin = people("administrator")
    made = admin.post("/api/config/roles/", json={"name": "History", "permissions": []}).json()
    path = f"/api/config/roles/{made['id']}/"
    assert admin.patch(path, json={"permissions": ["deviation.read"], "reason": "Let them see"}).status_code == 200
    entries = people("auditor").get(f"{path}history/").json()["results"]
    assert [(it["version"], it["event"], it["reason"]) for it in entries] == [
        (1, "role.created", None),
        (2, "role.updated", "Let them see"),
    ]
    assert entries[1]["changes"] == [{"field": "permissions", "before": [], "after": ["deviation.read"]}]
    assert people("user").get(f"{path}history/").status_code == 404
    assert admin.get("/api/config/roles/9/history/").json()["results"] == []
    assert admin.get(f"/api/config/roles/{2**40}/history/").status_code == 404


def test_a_write_does_not_wait_for_the_trail(product: Product, people: People) -> None:
    """It has a runner of its own: what a write answers with is there, wherever the trail is."""
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        connection.execute("SELECT FROM ops.positions WHERE name = 'trail' FOR UPDATE")
        made = people("user").post("/api/deviations/", json=body())
        assert made.status_code == 201
        assert "X-Read-Position" not in made.headers
        assert listed(people, limit=1) == [made.json()["id"]]
        late = people("auditor").get("/api/audit/", headers={"X-Min-Position": made.headers["X-Position"]})
        assert late.status_code == 503
    assert last(product, people("auditor"))["record"]["id"] == made.json()["id"]


def test_a_page_of_long_records_is_cut_short_and_one_event_is_always_in_it() -> None:
    def found(version: int, stream: UUID = STREAM) -> Found:
        return Found(version, stream, version, "deviation", 1, "", 2, None, None, None)

    long = found(MOST_EVENTS, UUID(int=7))
    assert affordable([found(3), found(2), long, found(1)]) == [found(3), found(2)]
    assert affordable([long, found(1)]) == [long]
    assert affordable([]) == []


def test_the_trail_as_lines_of_json_has_what_its_pages_have(product: Product, people: People) -> None:
    story = Story(people).closed()
    shown = told(product, people("auditor"), record=f"deviation/{story.id}")
    answer = ask(product, people("auditor"), record=f"deviation/{story.id}", format="ndjson")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in answer.text.splitlines()] == shown
    assert re.fullmatch(r'attachment; filename="audit-trail-\d+\.ndjson"', answer.headers["content-disposition"])


def test_the_trail_as_csv_has_a_line_an_event_and_nothing_that_a_spreadsheet_runs(
    product: Product, people: People
) -> None:
    story = Story(people)
    given = {"transition": "cancel", "reason": "=1+1", "comment": "a\nb"}
    people("quality_manager").post(f"{story.path}transition/", json=given)
    answer = ask(product, people("auditor"), record=f"deviation/{story.id}", format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(answer.text.splitlines(keepends=True)))
    assert [(it["version"], it["event"], it["reason"]) for it in lines] == [
        ("2", "deviation.cancelled", "'=1+1"),
        ("1", "deviation.created", ""),
    ]
    changes = json.loads(lines[1]["changes"])
    assert {"field": "title", "before": None, "after": "Wrong label"} in changes
    assert lines[0]["actor.id"] == str(people.id("quality_manager"))


@pytest.mark.clause("11.10(b)")
def test_a_file_holds_all_that_the_filter_leaves_whatever_a_page_holds(product: Product, people: People) -> None:
    for _ in range(3):
        report(people("user"), title="Many of them", location="Filewide")
    lines = ask(product, people("auditor"), kind="deviation", format="ndjson", limit=1).text.splitlines()
    positions = [json.loads(line)["position"] for line in lines]
    assert positions == sorted(positions, reverse=True)
    assert len(positions) == len(set(positions)) >= 3
    assert positions[-1] == min(positions)


def test_taking_the_trail_out_is_recorded_and_of_high_risk(product: Product, people: People) -> None:
    people("auditor").get("/api/audit/", params={"format": "csv", "record": "deviation/1"})
    entry = last(product, people("auditor"), event="access.exported", user=people.id("auditor"))
    assert after(entry) == {"what": "trail", "form": "csv", "record": "deviation/1"}
    assert entry["risk"] == "high"


def test_no_word_of_a_client_is_kept_as_the_record_of_what_is_taken_out(product: Product, people: People) -> None:
    auditor, before = people("auditor"), head(product)
    answer = auditor.get("/api/audit/", params={"format": "csv", "record": "ana.export@example.org"})
    assert faults(answer).keys() == {"record"}
    assert head(product) == before
    number = report(people("user"))["deviation_number"]
    auditor.get("/api/audit/", params={"format": "csv", "record": number})
    assert after(last(product, auditor, event="access.exported", user=people.id("auditor")))["record"] == number


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/json;q=0.5, text/csv", "text/csv; charset=utf-8"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
    ],
)
def test_the_form_is_the_one_that_the_client_likes_best(auditor: Client, accept: str, kind: str) -> None:
    answer = auditor.get("/api/audit/", params={"record": "deviation/1"}, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    asked = auditor.get("/api/audit/", params={"record": "deviation/1", "format": "json"}, headers={"Accept": accept})
    assert asked.headers["content-type"] == "application/json"


def test_head_of_a_file_tells_what_get_would_and_makes_none_of_it(product: Product, people: People) -> None:
    before = head(product)
    answer = people("auditor").request("HEAD", "/api/audit/", params={"format": "csv"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert head(product) == before


def test_only_who_reads_the_trail_takes_it_out(people: People) -> None:
    answer = people("quality_manager").get("/api/audit/", params={"format": "csv"})
    assert answer.status_code == 403


def test_signatures_are_searched_by_their_meaning(product: Product, people: People) -> None:
    story = Story(people).submitted()
    given = {"transition": "approve_department", "signature": signed("department_head", "Peruvian agreement")}
    assert people("department_head").post(f"{story.path}transition/", json=given).status_code == 200
    assert [it["record"]["id"] for it in told(product, people("auditor"), search="peruvian agreement")] == [story.id]


def test_reading_the_trail_adds_nothing_to_it(product: Product, people: People, auditor: Client) -> None:
    before = head(product)
    for path in ("", "queue/", "1/", "1/transitions/"):
        auditor.get(f"/api/audit/{path}")
    assert head(product) == before


@pytest.mark.clause("11.10(b)", negative=True)
def test_the_trail_is_not_taken_out_before_it_is_whole(product: Product, people: People) -> None:
    """What a read model that stands still lacks would be missing from the file, which says how far it goes."""
    auditor = people("auditor")
    exports = {"event": "access.exported", "user": people.id("auditor")}
    before = told(product, auditor, **exports)
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        connection.execute("SELECT FROM ops.positions WHERE name = 'trail' FOR UPDATE")
        made = people("user").post("/api/deviations/", json=body())
        late = auditor.get("/api/audit/", params={"format": "ndjson"})
        assert (late.status_code, late.headers["Retry-After"]) == (503, "1")
    record = made.json()["deviation_number"]
    lines = auditor.get("/api/audit/", params={"format": "ndjson", "record": record}).text.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["deviation.created"]
    assert len(told(product, auditor, **exports)) == len(before) + 1
