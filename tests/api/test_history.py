"""A record's history, as its readers see it."""

import json
import re

import psycopg
import pytest

from tests.api.stories import FOUND, Story, body, signed
from tests.support.product import People, Product


def test_an_entry_has_exactly_the_fields_that_were_promised(people: People) -> None:
    story = Story(people, department="History")
    (entry,) = story.history()
    assert entry.keys() == {
        "position", "version", "event", "at", "actor", "source", "from", "to", "comment", "reason", "changes",
        "signature",
    }  # fmt: skip
    assert (entry["version"], entry["event"], entry["from"], entry["to"]) == (1, "deviation.created", None, "OPEN")
    assert entry["actor"].keys() == {"id", "username", "display_name"}
    assert entry["actor"]["display_name"] == "User Person0"
    assert entry["source"]["address"] == "127.0.0.1"
    assert re.fullmatch(r"[0-9a-f-]{36}", entry["source"]["token_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", entry["at"])
    assert {"field": "department", "before": None, "after": "History"} in entry["changes"]


@pytest.mark.clause("11.10(e)")
def test_changes_show_what_was_and_what_is(people: People) -> None:
    story = Story(people)
    people("user").patch(story.path, json={"title": "Right label", "location": "Lab 1"})
    assert story.history()[-1]["changes"] == [
        {"field": "title", "before": "Wrong label", "after": "Right label"},
        {"field": "location", "before": "", "after": "Lab 1"},
    ]


def test_findings_are_shown_inside_their_investigation(people: People) -> None:
    story = Story(people).investigated()
    changes = {it["field"]: it["after"] for it in story.history()[-1]["changes"]}
    assert changes == {f"investigation.{name}": value for name, value in FOUND.items()}


@pytest.mark.clause("11.50")
def test_a_signature_is_shown_with_its_meaning_and_holds(people: People) -> None:
    story = Story(people).closed()
    signature = story.history()[-1]["signature"]
    assert signature.keys() == {"by", "name", "at", "meaning", "hash", "valid"}
    assert signature["by"] == people.id("quality_manager")
    assert signature["name"] == "Quality_Manager Person0"
    assert signature["meaning"] == signed("quality_manager")["meaning"]
    assert signature["valid"] is True
    assert People.password("quality_manager") not in str(story.history())


@pytest.mark.clause("Annex 11 § 9, reasons")
def test_comments_and_reasons_are_kept(people: People) -> None:
    story = Story(people)
    given = {"transition": "cancel", "reason": "A mistake.", "comment": "See above."}
    people("quality_manager").post(f"{story.path}transition/", json=given)
    assert (story.history()[-1]["reason"], story.history()[-1]["comment"]) == ("A mistake.", "See above.")


def test_a_history_is_paged_like_a_list(people: People) -> None:
    story = Story(people).closed()
    page = people("viewer").get(f"{story.path}history/", params={"limit": 2, "page": 2}).json()
    assert page.keys() == {"count", "next", "previous", "results"}
    assert (page["count"], [it["version"] for it in page["results"]]) == (6, [3, 4])
    assert page["next"].endswith(f"{story.path}history/?limit=2&page=3")
    assert people("viewer").get(f"{story.path}history/", params={"page": 2}).status_code == 404


def test_a_history_of_nothing_is_404(people: People) -> None:
    assert people("viewer").get(f"/api/deviations/{2**40}/history/").status_code == 404


@pytest.mark.clause("11.10(h)")
def test_the_request_and_what_it_belongs_to_are_on_the_event(people: People, product: Product) -> None:
    headers = {"X-Request-ID": "request-of-history", "X-Correlation-ID": "shift-7"}
    made = people("user").post("/api/deviations/", json=body(), headers=headers)
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        position = made.headers["X-Position"]
        row = connection.execute("SELECT state FROM ledger.events WHERE position = %s", (position,)).fetchone()
    assert row is not None
    envelope = json.loads(bytes(row[0]))
    assert (envelope["request"], envelope["correlation"]) == ("request-of-history", "shift-7")
