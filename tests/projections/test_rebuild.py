"""Rebuilding beside the live tables: nobody is stopped, nothing is lost, nothing is left behind."""

import asyncio
import tracemalloc
from typing import Any

import psycopg
import pytest

from domain.events import stream_id
from ledger.connect import connect
from projections import rebuild as rebuild_module
from projections.counting import Counts
from projections.deviation_queries import DeviationFilter, find
from projections.folding import FoldFailed
from projections.rebuild import RebuildRefused, rebuild
from projections.registry import NAMES
from projections.status import status
from tests.projections.killed import run_and_kill
from tests.projections.stage import Stage, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def filled(stage: Stage) -> Stage:
    """Some users, deviations and CAPAs, and the live read models of them."""
    user = await stage.user()
    for steps in (0, 3, 1, 4, 2):
        number = await stage.deviation(steps=steps, actor=user)
        await stage.capa(steps=steps, actor=user, source_type="DEVIATION", source_id=number)
        await stage.rename(user, f"name {steps}")
    await stage.foreign(4)
    await stage.run()
    return stage


async def _tables(stage: Stage) -> dict[str, list[tuple[Any, ...]]]:
    return {name: await stage.table(name) for name in NAMES}


async def _left_behind(stage: Stage) -> list[tuple[Any, ...]]:
    return await stage.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'views_next'")


async def test_rebuilt_rows_are_the_live_ones(filled: Stage) -> None:
    """Folding stream by stream gives what folding event by event gave."""
    live = await _tables(filled)
    done = await rebuild(filled.url, filled.codec)
    assert await _tables(filled) == live
    assert [(it.name, it.events) for it in done] == [
        *(
            ("deviations", 15),
            ("capas", 15),
            ("users", 6),
            ("webhooks", 0),
            ("reports", 30),
            ("versions", 30),
            ("trail", 36),
        ),
    ]
    assert not await _left_behind(filled)


async def test_a_rebuild_mends_what_was_altered(filled: Stage) -> None:
    """Only the ledger is believed."""
    live = await _tables(filled)
    await filled.connection.execute("UPDATE deviations SET status = 'CLOSED' WHERE id = 1")
    await filled.connection.execute("DELETE FROM deviations WHERE id = 2")
    await rebuild(filled.url, filled.codec, ["deviations"])
    assert await _tables(filled) == live


async def test_a_rebuild_leaves_the_indexes_that_the_live_table_had(filled: Stage) -> None:
    """The new table takes the old one's place whole."""
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'views' ORDER BY indexname"
    before = await filled.rows(query)
    await rebuild(filled.url, filled.codec)
    assert await filled.rows(query) == before != []


async def test_a_rebuild_raises_the_generation_and_keeps_the_position(filled: Stage) -> None:
    """Only of what was rebuilt."""
    head = await filled.head()
    (done,) = await rebuild(filled.url, filled.codec, ["users"])
    found = {it.name: it for it in await status(filled.connection)}
    assert (done.generation, found["users"].generation, found["deviations"].generation) == (2, 2, 1)
    assert {it.position for it in found.values()} == {head}


async def test_a_read_model_that_nobody_has_begun_can_be_built(stage: Stage) -> None:
    """No worker has to have run, and no table to be there."""
    await stage.deviation()
    await stage.connection.execute("DROP TABLE deviations")
    await rebuild(stage.url, stage.codec, ["deviations"])
    assert len(await stage.table("deviations")) == 1


async def test_progress_goes_up_to_all_events(filled: Stage) -> None:
    """Those that no read model takes are not counted."""
    told: list[tuple[int, int]] = []
    await rebuild(filled.url, filled.codec, None, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (132, 132)


@pytest.mark.long
async def test_readers_see_every_record_without_an_error_while_it_is_rebuilt_under_writes(stage: Stage) -> None:
    """A reader at any moment has all records that it had before; after the swap those appended meanwhile are there."""
    for _ in range(30):
        await stage.deviation(steps=1)
    stop = asyncio.Event()
    counts: list[int] = []

    async def write() -> None:
        while not stop.is_set():
            await asyncio.gather(*(stage.edit(number, f"edit {stage.versions}"[:50]) for number in range(1, 20)))
            await stage.deviation()

    async def read() -> None:
        reader, most, kept = await connect(stage.url, "reader"), 30, Counts()
        while not stop.is_set():
            found = await find(reader, DeviationFilter(), 200, 0, kept)
            assert found.total >= most
            most = found.total
            counts.append(most)
        await reader.close()

    async with stage.running():
        await until(lambda: stage.all_passed(60))
        tasks = [asyncio.create_task(it) for it in (write(), read(), read())]
        for _ in range(4):
            await rebuild(stage.url, stage.codec)
        stop.set()
        await asyncio.gather(*tasks)
        head = await stage.head()
        await until(lambda: stage.all_passed(head))
    assert len(counts) > 100
    live = await _tables(stage)
    assert len(live["deviations"]) == stage.deviations
    await stage.forget()
    await stage.run()
    assert await _tables(stage) == live


async def test_what_is_appended_while_a_stopped_projection_is_rebuilt_is_in_it(
    filled: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came after the load began is applied before the swap, though no worker runs."""
    catch_up = rebuild_module._Rebuild._catch_up

    async def late(self: Any, until: int | None) -> int:
        monkeypatch.undo()
        await filled.edit(1, "appended meanwhile")
        return int(await catch_up(self, until))

    monkeypatch.setattr(rebuild_module._Rebuild, "_catch_up", late)
    (done,) = await rebuild(filled.url, filled.codec, ["deviations"])
    assert done.position == await filled.head()
    assert b"appended meanwhile" in (await filled.table("deviations"))[0][-1]


async def test_a_rebuild_killed_half_way_leaves_the_live_tables_and_the_next_one_begins_anew(filled: Stage) -> None:
    """What it had made is beside the live tables, and dropped by the next."""
    live = await _tables(filled)
    await asyncio.to_thread(run_and_kill, "rebuild", filled.url, str(filled.folder / "keys"))
    assert await _tables(filled) == live
    assert await _left_behind(filled)
    await rebuild(filled.url, filled.codec)
    assert await _tables(filled) == live
    assert not await _left_behind(filled)


async def test_a_second_rebuild_at_once_is_refused(filled: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one is not disturbed."""
    monkeypatch.setattr(rebuild_module, "_OTHER", "100ms")
    refused: list[RebuildRefused] = []

    async def second() -> None:
        with pytest.raises(RebuildRefused, match="Another rebuild is under way") as caught:
            await rebuild(filled.url, filled.codec)
        refused.append(caught.value)

    load = rebuild_module._Rebuild._load

    async def disturbed(self: Any) -> None:
        await load(self)
        if not refused:
            await second()

    monkeypatch.setattr(rebuild_module._Rebuild, "_load", disturbed)
    await rebuild(filled.url, filled.codec)
    assert refused


async def test_a_table_in_use_is_waited_for_and_in_the_end_left_as_it_is(filled: Stage) -> None:
    """Readers never wait behind a rebuild that itself waits."""
    live = await _tables(filled)
    reader = await connect(filled.url, "long reader")
    async with reader.transaction():
        await reader.execute("LOCK TABLE deviations IN ACCESS SHARE MODE")
        with pytest.raises(RebuildRefused, match="deviations is in use"):
            await rebuild(filled.url, filled.codec, ["deviations"], swap_seconds=0.2)
    await reader.close()
    assert await _tables(filled) == live
    assert await rebuild(filled.url, filled.codec, ["deviations"])


async def test_an_event_that_can_not_be_folded_is_named_and_nothing_is_swapped(filled: Stage) -> None:
    """The live read model stays what it was."""
    live = await _tables(filled)
    position = await filled.append_raw(stream_id("deviation", 99), ("deviation.created", b"{}"))
    with pytest.raises(FoldFailed, match=f"position {position}: ValidationError"):
        await rebuild(filled.url, filled.codec)
    assert await _tables(filled) == live


async def test_a_fault_in_the_swap_leaves_all_as_it_was(filled: Stage) -> None:
    """Somebody else's view on the table can not be broken by us."""
    live = await _tables(filled)
    await filled.connection.execute("CREATE VIEW theirs AS SELECT id FROM deviations")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist):
        await rebuild(filled.url, filled.codec, ["deviations"])
    assert await _tables(filled) == live


@pytest.mark.long
async def test_memory_does_not_grow_with_the_number_of_events(stage: Stage) -> None:
    """Three times the events take as much."""
    peaks = []
    for count in (5_000, 10_000):
        await stage.crowd(count)
        tracemalloc.start()
        await rebuild(stage.url, stage.codec, ["deviations"])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3


async def test_a_position_beyond_the_ledger_is_put_right(filled: Stage) -> None:
    """A database that was put together of two backups can be mended; nothing is waited for that never comes."""
    await filled.connection.execute("UPDATE ops.positions SET position = position + 1000 WHERE name = 'deviations'")
    (done,) = await rebuild(filled.url, filled.codec, ["deviations"])
    assert done.position == await filled.head()
