"""Proofs by HTTP, from signing to the inspector who verifies them; and the signed tree heads that they stand on."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from api.proofs import Proofs
from audit import verifier
from audit.verifier import Bundle, Consistency, check, read_key
from domain.errors import Unavailable
from ledger.checkpoint import LOCK
from ledger.keys import Keys
from tests.api.capa_stories import CapaStory
from tests.api.stories import Story, fire
from tests.support.database import Database
from tests.support.ledgers import fill
from tests.support.product import Client, People, Product
from tests.support.proofs import verify


def proven(client: Client, path: str) -> Bundle:
    """Return what the proof of a record says."""
    answer = client.get(f"{path}proof/")
    assert answer.status_code == 200, answer.text
    found = check(answer.content)
    assert isinstance(found, Bundle)
    return found


def sizes(auditor: Client) -> list[int]:
    return [one["size"] for one in auditor.get("/api/audit/checkpoints/?limit=200").json()["results"]]


@pytest.mark.clause("11.10(b)")
def test_the_proof_of_a_closed_record_is_verified_offline(people: People, product: Product, tmp_path: Path) -> None:
    """With the public key of the server, by the program that the server hands out, in a process of its own."""
    story = Story(people).closed()
    answer = people("viewer").get(f"{story.path}proof/")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == f'attachment; filename="deviation-{story.id}-proof.json"'
    assert answer.headers["cache-control"] == "no-store"
    done = verify(tmp_path / "inspector", answer.content, "--key", str(product.data / "keys" / "checkpoint.pub"))
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("VERIFIED\n")
    assert "deviation.closed" in done.stdout
    assert "signs this record, at this version, as it was" in done.stdout


def test_every_event_is_in_it_the_moment_it_is_recorded(people: People) -> None:
    """A proof that is asked for right after a write covers it, whether or not the tree was signed meanwhile."""
    story = Story(people)
    for number in range(1, 6):
        assert [one.version for one in proven(people("user"), story.path).events][-1] == number
        people("user").patch(story.path, json={"title": f"Title {number}"})
    history = story.history()
    found = proven(people("user"), story.path).events
    assert [(one.position, one.topic) for one in found] == [(one["position"], one["event"]) for one in history]


def test_a_capa_has_a_proof_too(people: People) -> None:
    story = CapaStory(people)
    assert proven(people("viewer"), story.path).events[0].topic == "capa.created"


def test_who_may_not_see_the_record_sees_no_proof(people: People, product: Product) -> None:
    story = Story(people)
    assert product.anonymous().get(f"{story.path}proof/").status_code == 401
    assert people("operator").get(f"{story.path}proof/").status_code == 404
    assert people("viewer").get("/api/deviations/999999999/proof/").status_code == 404
    assert people("viewer").get(f"{story.path}proof/?strange=1").status_code == 400


def test_the_proof_of_a_cancelled_record_stays_as_its_history_does(people: People) -> None:
    story = Story(people)
    assert fire(people("quality_manager"), story.id, "cancel", reason="A mistake.").status_code == 200
    assert people("operator").get(f"{story.path}proof/").status_code == 404
    assert proven(people("viewer"), story.path).events[-1].topic == "deviation.cancelled"


def test_a_proof_that_goes_out_is_recorded(people: People, product: Product) -> None:
    """Who took it, and of which record, before it goes; to ask for its headers alone takes nothing out."""
    story = Story(people)
    before = exports(product, story)
    people("viewer").request("HEAD", f"{story.path}proof/")
    assert exports(product, story) == before == []
    proven(people("viewer"), story.path)
    assert exports(product, story) == [(people.id("viewer"), "proof", "json")]


def exports(product: Product, story: Story) -> list[tuple[Any, ...]]:
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        found = connection.execute(
            "SELECT convert_from(state, 'UTF8')::jsonb FROM ledger.events WHERE topic = 'access.exported'"
        )
        states = [state for (state,) in found.fetchall() if state.get("record") == f"deviation/{story.id}"]
    return [(state["actor"], state["what"], state["form"]) for state in states]


def test_checkpoints_are_listed_newest_first(people: People) -> None:
    """Each with what it says, its key, and the signed note itself."""
    proven(people("user"), Story(people).path)
    answer = people("auditor").get("/api/audit/checkpoints/?limit=2")
    assert answer.status_code == 200
    page = answer.json()
    assert page.keys() == {"count", "next", "previous", "results"}
    first = page["results"][0]
    assert first.keys() == {"size", "origin", "root", "key", "created_at", "note"}
    assert first["note"].startswith(f"{first['origin']}\n{first['size']}\n")
    assert first["key"].startswith(first["origin"] + "+")
    assert sizes(people("auditor")) == sorted(sizes(people("auditor")), reverse=True)


def test_a_checkpoint_is_had_as_the_note_that_other_tools_read(people: People) -> None:
    """By the query or by Accept as text, else as JSON; one that is not there is 404."""
    auditor = people("auditor")
    proven(people("user"), Story(people).path)
    size = sizes(auditor)[0]
    path = f"/api/audit/checkpoints/{size}/"
    shown = auditor.get(path)
    assert (shown.headers["content-type"], shown.json()["size"]) == ("application/json", size)
    for note in (auditor.get(f"{path}?format=note"), auditor.get(path, headers={"Accept": "text/plain"})):
        assert note.headers["content-type"] == "text/plain; charset=utf-8"
        assert note.text == shown.json()["note"]
    assert auditor.get(f"{path}?format=json", headers={"Accept": "text/plain"}).json() == shown.json()
    assert auditor.get(f"{path}?format=pdf").status_code == 400
    assert auditor.get("/api/audit/checkpoints/999999999999/").status_code == 404


def test_any_two_checkpoints_are_proved_consistent(people: People, product: Product, tmp_path: Path) -> None:
    """The one is the beginning of the other: checked offline with the public key."""
    auditor = people("auditor")
    for _ in range(2):
        proven(people("user"), Story(people).path)
    second, first = sizes(auditor)[:2]
    answer = auditor.get(f"/api/audit/consistency/?first={first}&second={second}")
    assert answer.status_code == 200, answer.text
    done = verify(tmp_path / "inspector", answer.content, "--key", str(product.data / "keys" / "checkpoint.pub"))
    assert done.returncode == 0, done.stdout
    assert f"The {first} events of the first are the beginning of the {second} of the second" in done.stdout
    whole = check(auditor.get("/api/audit/consistency/").content, [read_key(str(product.data / "keys/checkpoint.pub"))])
    assert isinstance(whole, Consistency)
    assert whole.first.size <= first < second <= whole.second.size


def test_what_can_not_be_proved_consistent(people: People) -> None:
    auditor = people("auditor")
    proven(people("user"), Story(people).path)
    proven(people("user"), Story(people).path)
    newer, older = sizes(auditor)[:2]
    asked = {f"first={newer}&second={older}": 400, "first=x": 400, "first=0": 400, "first=999999999999": 404}
    for query, status in asked.items():
        assert auditor.get(f"/api/audit/consistency/?{query}").status_code == status, query


def test_only_who_reads_the_audit_trail_sees_checkpoints(people: People) -> None:
    for path in ("checkpoints/", "checkpoints/1/", "consistency/"):
        assert people("viewer").get(f"/api/audit/{path}").status_code == 403


def test_the_verifier_is_handed_out(people: People, product: Product) -> None:
    """To whoever is signed in: the file that is in the product, as a file."""
    answer = people("viewer").get("/api/audit/verifier/")
    assert answer.content == Path(verifier.__file__).read_bytes()
    assert answer.headers["content-disposition"] == 'attachment; filename="flowledger-verifier.py"'
    assert product.anonymous().get("/api/audit/verifier/").status_code == 401


def test_a_proof_that_can_not_be_given_says_what_to_do(people: People, product: Product) -> None:
    """An event that was altered has no proof: 409, and it is told who tells more. The others have theirs."""
    story, other = Story(people), Story(people)
    position = story.history()[0]["position"]
    later = "UPDATE ledger.events SET recorded_at = recorded_at + %s::interval WHERE position = %s"
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"], autocommit=True) as connection:
        proven(people("viewer"), story.path)
        connection.execute(later, ("1 us", position))
        answer = people("viewer").get(f"{story.path}proof/")
        proven(people("viewer"), other.path)
        connection.execute(later, ("-1 us", position))
    assert answer.status_code == 409
    assert "flowledger audit verify" in answer.json()["error"]["message"]
    proven(people("viewer"), story.path)


@pytest.mark.anyio
async def test_a_ledger_that_can_not_be_signed_now_is_asked_for_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process holds the lock too long, or the database is away: 503, no fault of the code."""
    fill(database.app_dsn, 1)
    monkeypatch.setattr("api.proofs._WAIT", "SET lock_timeout = '50ms'")
    async with await psycopg.AsyncConnection.connect(database.app_dsn) as other:
        await other.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        cursor = await other.execute("SELECT originator_id FROM ledger.events")
        ((stream,),) = await cursor.fetchall()
        async with AsyncConnectionPool(database.app_dsn, open=False) as pool:
            proofs = Proofs(pool, Keys(tmp_path / "keys"), tmp_path / "checkpoints.log")
            with pytest.raises(Unavailable):
                await proofs.bundle(stream)
            await other.rollback()
            assert check(await proofs.bundle(stream))
