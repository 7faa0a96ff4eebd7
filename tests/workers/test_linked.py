"""What messages show of other records: what those were when the fact happened, not when it is told of."""

from typing import Any

import msgspec
import psycopg
import pytest

from domain.events import stream_id
from projections.delivery_log import body_context
from tests.workers.dispatching import Dispatching
from tests.workers.stage import Stage
from workers.webhooks import linked

pytestmark = pytest.mark.anyio

URL = "https://example.com/hook"


async def told(stage: Stage) -> list[dict[str, Any]]:
    """Return the data of all messages, as the facts happened."""
    rows = await stage.rows("SELECT id, body FROM ops.delivery_log ORDER BY position")
    bodies = (msgspec.json.decode(stage.vault.open(bytes(body), body_context(it))) for it, body in rows)
    return [body["data"] for body in bodies]


async def capas(stage: Stage) -> list[list[tuple[int, str, str]]]:
    """Return which CAPAs each message about a deviation shows."""
    of_deviations = (data["capas"] for data in await told(stage) if "deviation_number" in data)
    return [[(it["id"], it["title"], it["status"]) for it in shown] for shown in of_deviations]


async def a_story(stage: Stage) -> None:
    """Have CAPAs follow from a deviation, and change, between its own facts."""
    await stage.webhook(URL)
    deviation, other = await stage.deviation(), await stage.deviation()
    first = await stage.capa(deviation)
    second = await stage.capa(deviation, "AUDIT")
    await stage.edit(deviation, "one")
    await stage.edit_capa(first, title="Retrain all")
    await stage.edit_capa(second, source_type="DEVIATION")
    await stage.edit(deviation, "two")
    await stage.edit_capa(first, source_id=other)
    await stage.edit(deviation, "moved on")
    await stage.edit(other, "moved here")
    await stage.cancel_capa(second)
    await stage.edit(deviation, "none left")


STORY = [
    [],
    [],
    [(1, "Retrain the line", "INITIATED")],
    [(1, "Retrain all", "INITIATED"), (2, "Retrain the line", "INITIATED")],
    [(2, "Retrain the line", "INITIATED")],
    [(1, "Retrain all", "INITIATED")],
    [],
]


async def test_a_deviation_shows_the_capas_that_followed_from_it_at_the_time(stage: Stage) -> None:
    """All in one batch: a source that is named, changed or left, one of another type, a cancelled CAPA."""
    await a_story(stage)
    await Dispatching(stage).go()
    assert await capas(stage) == STORY


async def test_it_shows_the_same_whenever_it_is_told_of(stage: Stage) -> None:
    """The ledger has gone on, and the dispatcher's list knows what came after: dispatched again, one by one too."""
    await a_story(stage)
    await Dispatching(stage).go()
    for batch in (1, 3):
        await stage.rows("UPDATE ops.positions SET position = 0 WHERE name = 'webhooks.dispatch'")
        await stage.rows("DELETE FROM ops.deliveries")
        await Dispatching(stage, batch).go()
        assert await capas(stage) == STORY


async def test_a_capa_shows_its_source_as_it_was_at_the_time(stage: Stage) -> None:
    await stage.webhook(URL)
    deviation = await stage.deviation("Wrong label")
    await stage.capa(deviation)
    await stage.edit(deviation, "Wrong colour")
    await stage.edit_capa(1, title="Repaint")
    await stage.edit_capa(1, source_type="MANUAL", source_id=None)
    await Dispatching(stage).go()
    await stage.edit(deviation, "After that")
    shown = [data["source"] for data in await told(stage) if "capa_number" in data]
    source = {"type": "DEVIATION", "id": 1, "number": "DEV-2026-0001", "status": "OPEN"}
    assert shown == [{**source, "title": "Wrong label"}, {**source, "title": "Wrong colour"}, None]


async def test_what_capas_name_is_known_though_nobody_subscribed_when_they_named_it(stage: Stage) -> None:
    deviation = await stage.deviation()
    await stage.capa(deviation)
    await Dispatching(stage).go()
    await stage.webhook(URL)
    await stage.edit(deviation, "told of")
    await Dispatching(stage).go()
    assert [[number for number, *_ in shown] for shown in await capas(stage)] == [[1]]


async def test_what_an_earlier_version_passed_is_taken_from_the_ledger(stage: Stage, monkeypatch: Any) -> None:
    """Also what one appended that went on running beside this one; an altered fact keeps nobody from it."""
    monkeypatch.setattr(linked, "_CHUNK", 2)
    await stage.webhook(URL)
    deviation = await stage.deviation()
    for _ in range(4):
        await stage.capa(deviation)
    with psycopg.connect(stage.database.owner_dsn) as owner:
        owner.execute("UPDATE ledger.events SET state = 'no JSON' WHERE originator_id = %s", (stream_id("capa", 3),))
        owner.execute("INSERT INTO ops.positions (name, position) SELECT 'webhooks.dispatch', size FROM ledger.head")
    last = await stage.edit(deviation, "told")
    await Dispatching(stage).go()
    found = await stage.rows("SELECT source_id, stream FROM ops.capa_sources")
    assert set(found) == {(deviation, stream_id("capa", number)) for number in (1, 2, 4)}
    assert await stage.rows("SELECT position FROM ops.capa_sources_known") == [(last.position,)]
