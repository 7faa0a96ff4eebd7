"""The inspector's copy of a record: whole, in words, provable, and safe to open."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import psycopg
import pytest

from audit import verifier
from domain.catalogue import WORKFLOWS
from domain.events import stream_id
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.rows import Row
from ledger.vault import Vault
from tests.api.capa_stories import CapaStory
from tests.api.files import attached
from tests.api.stories import Story, faults
from tests.support.product import Client, People, Product

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}&lt;\u202eevil"


def copied(client: Client, path: str) -> dict[str, Any]:
    answer = client.get(f"{path}copy/", params={"format": "json"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def page(client: Client, path: str) -> str:
    answer = client.get(f"{path}copy/", params={"format": "html"})
    assert answer.status_code == 200, answer.text
    return answer.text


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def closed(people: People) -> Story:
    """A deviation that was edited and signed, with a file."""
    story = Story(people, classification="CRITICAL", department="Copies", location="Lab 1")
    people("user").patch(story.path, json={"title": "Right label", "location": "Lab 2"})
    attached(people("user"), story.path, description="The log")
    return story.closed()


@pytest.mark.clause("11.10(b)")
def test_every_event_is_in_it_with_before_and_after(closed: Story, people: People) -> None:
    copy, history = copied(people("viewer"), closed.path), closed.history()
    told = [(it["position"], it["version"], it["event"], it["at"], it["from"], it["to"]) for it in copy["events"]]
    assert told == [(it["position"], it["version"], it["event"], it["at"], it["from"], it["to"]) for it in history]
    assert [it["changes"] for it in copy["events"]] == [it["changes"] for it in history]
    assert [it["source"]["address"] for it in copy["events"]] == [it["source"]["address"] for it in history]
    assert (copy["version"], copy["status"]) == (len(history), "CLOSED")
    assert copy["number"] == closed.record["deviation_number"]
    assert copy["time_zone"] == "UTC"


@pytest.mark.clause("11.50")
def test_signatures_are_told_with_name_time_meaning_and_whether_they_hold(closed: Story, people: People) -> None:
    copy = copied(people("viewer"), closed.path)
    signatures = [it["signature"] for it in closed.history() if it["signature"]]
    assert copy["signatures"] == len(signatures) == 4
    assert copy["signatures_hold"] is True
    told = [it["signature"] for it in copy["events"] if it["signature"]]
    for ours, theirs in zip(told, signatures, strict=True):
        assert (ours["by"]["id"], ours["by"]["name"]) == (theirs["by"], theirs["name"])
        assert (ours["at"], ours["meaning"], ours["hash"]) == (theirs["at"], theirs["meaning"], theirs["hash"])
        assert ours["holds"] is theirs["valid"] is True


@pytest.mark.clause("Annex 11 § 8.2")
def test_what_was_changed_since_it_was_entered_is_said(closed: Story, people: People) -> None:
    data = {it["field"]: it for it in copied(people("viewer"), closed.path)["data"]}
    assert data["title"] == {
        "field": "title",
        "value": "Right label",
        "entered_in": 1,
        "changed_in": [2],
        "derived": False,
    }
    assert (data["department"]["entered_in"], data["department"]["changed_in"]) == (1, [])
    assert data["approvals"]["derived"] is True
    assert data["investigator"]["entered_in"] == 4
    untouched = Story(people, department="Copies")
    copy = copied(people("viewer"), untouched.path)
    assert (copy["data_changed"], copy["signatures"], copy["signatures_hold"]) == (False, 0, True)


@pytest.mark.clause("11.10(b)")
def test_a_copy_reads_back_equal(closed: Story, people: People, product: Product) -> None:
    """The record that its events fold to is the one that the ledger's do."""
    copy = copied(people("viewer"), closed.path)
    stream = stream_id("deviation", closed.id)
    codec = Codec(Vault(Keys(product.data / "keys")))
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT position, originator_id, originator_version, topic, state, recorded_at FROM ledger.events"
            " WHERE originator_id = %s ORDER BY originator_version",
            (stream,),
        ).fetchall()
    ours = [Row(*row[:4], bytes(row[4]), row[5]) for row in rows]
    theirs = [
        Row(
            it["position"],
            stream,
            it["version"],
            it["event"],
            json.dumps(it["stored"], ensure_ascii=False, separators=(",", ":")).encode(),
            msgspec.convert(it["at"], type(ours[0].recorded_at)),
        )
        for it in copy["events"]
    ]
    assert theirs == ours
    flow = WORKFLOWS["deviation"]
    assert flow.fold(codec.recorded(theirs)) == flow.fold(codec.recorded(ours)) is not None


@pytest.mark.parametrize("form", ["json", "html"])
def test_the_proof_is_in_it_and_holds(closed: Story, people: People, form: str) -> None:
    if form == "json":
        body = people("viewer").get(f"{closed.path}copy/").content
        bundle = bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw])["proof"])
    else:
        tags = Page(page(people("viewer"), closed.path)).tags
        (link,) = [it["href"] for tag, it in tags if tag == "a" and "download" in it]
        assert link is not None
        bundle = verifier.base64.b64decode(link.removeprefix("data:application/json;base64,"))
    proven = verifier.check(bundle)
    assert isinstance(proven, verifier.Bundle)
    assert [it.topic for it in proven.events] == [it["event"] for it in closed.history()]


@pytest.mark.clause("11.10(b)")
def test_a_page_tells_all_of_it_in_words(closed: Story, people: People) -> None:
    text = " ".join(Page(page(people("viewer"), closed.path)).text.split())
    number = closed.record["deviation_number"]
    for said in (
        f"{number} Right label", "All times are UTC (+00:00)", "4 electronic signatures; each of them holds.",
        "Data were changed after they were entered", "Management Person0", f"signed {number}, version 9 (Approved)",
        "I have read it and agree.", "The signature holds", "Wrong label Right label", "from 127.0.0.1", "Worn seal.",
        "version 1, changed in 2", "Public key that signed it (Ed25519)",
    ):  # fmt: skip
        assert said in text, said
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} UTC by User Person0", text)


def test_a_page_loads_runs_and_sends_nothing(people: People) -> None:
    """Whatever somebody wrote into the record."""
    story = Story(people, department="Copies", title=HOSTILE, description=HOSTILE)
    given = {"transition": "cancel", "reason": HOSTILE, "comment": HOSTILE}
    assert people("quality_manager").post(f"{story.path}transition/", json=given).status_code == 200
    answer = people("auditor").get(f"{story.path}copy/", params={"format": "html"})
    found = Page(answer.text)
    assert not {tag for tag, _ in found.tags} & {"script", "img", "iframe", "object", "embed", "form", "base", "svg"}
    assert not [name for _, its in found.tags for name in its if name.startswith("on") or name == "style"]
    assert all((it.get("href") or "#").startswith(("#", "data:application/json;base64,")) for _, it in found.tags)
    assert found.text.count(HOSTILE) >= 4
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "sandbox allow-downloads" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_form_is_the_one_that_is_asked_for(closed: Story, people: People) -> None:
    """The query beats Accept; JSON where neither says."""
    path = f"{closed.path}copy/"
    for accept, query, media in (
        ("*/*", {}, "application/json"),
        ("text/html,*/*;q=0.8", {}, "text/html; charset=utf-8"),
        ("text/html", {"format": "json"}, "application/json"),
        ("application/json", {"format": "html"}, "text/html; charset=utf-8"),
    ):
        answer = people("viewer").get(path, params=query, headers={"Accept": accept})
        assert answer.headers["Content-Type"] == media
    assert "format" in faults(people("viewer").get(path, params={"format": "pdf"}))


def test_the_copy_of_a_cancelled_record_stays_as_its_history_does(people: People) -> None:
    story = CapaStory(people, department="Copies")
    assert people("quality_manager").delete(story.path).status_code == 204
    assert people("viewer").get(story.path).status_code == 404
    assert copied(people("viewer"), story.path)["status"] == "CANCELLED"
    assert people("viewer").get(f"/api/deviations/{2**40}/copy/").status_code == 404


def test_that_a_copy_was_taken_is_recorded_before_it_goes_out(people: People, product: Product) -> None:
    story = Story(people, department="Copies")
    people("viewer").request("HEAD", f"{story.path}copy/")
    people("viewer").get(f"{story.path}copy/", params={"format": "html"}, headers={"X-Request-ID": "copied-here"})
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT convert_from(state, 'UTF8')::json FROM ledger.events WHERE topic = 'access.exported'"
        ).fetchall()
    (fact,) = [it for (it,) in rows if it.get("record") == f"deviation/{story.id}"]
    assert (fact["what"], fact["form"], fact["actor"]) == ("copy", "html", people.id("viewer"))
    assert fact["request"] == "copied-here"


def test_people_are_called_as_they_were_when_they_acted(people: People) -> None:
    story, admin = Story(people, department="Copies"), people("administrator")
    user = story.record["initiated_by"]["id"]
    assert admin.patch(f"/api/users/{user}/", json={"last_name": "Otherwise"}).status_code == 200
    try:
        people("user").patch(story.path, json={"title": "Renamed"})
        by = [it["by"]["name"] for it in copied(people("viewer"), story.path)["events"]]
    finally:
        admin.patch(f"/api/users/{user}/", json={"last_name": "Person0"})
    assert by == ["User Person0", "User Otherwise"]
