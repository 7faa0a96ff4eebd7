"""Records and lists as they were: the fold of the events up to there, found by indexes alone."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
import pytest
from msgspec import Struct

from audit.replay import replay
from domain.catalogue import WORKFLOWS
from domain.events import Recorded, stream_id
from domain.quality import capa_facts
from domain.quality import deviation_facts as facts
from ledger.arrays import UuidColumn
from ledger.queries import queries
from ledger.read import read_stream
from ledger.rows import microseconds
from projections import capa_queries, capa_views, deviation_queries, deviation_views, past
from projections.capa_queries import CapaFilter
from projections.deviation_queries import DeviationFilter
from projections.past_listing import PastCounts, PastListing
from projections.rebuild import rebuild
from tests.projections.stage import DUE, STEPS, Stage
from tests.support.database import Database

STREAMS = queries("projections", "streams").streams

pytestmark = pytest.mark.anyio
TICK = timedelta(microseconds=1)


class Kind(NamedTuple):
    """A kind of records, its lists, and what they show."""

    name: str
    lists: PastListing[Any, Any]
    everything: type[Any]
    summary: Callable[[Any], Struct]


DEVIATION = Kind("deviation", deviation_queries.PAST, DeviationFilter, deviation_views.summary)
CAPA = Kind("capa", capa_queries.PAST, CapaFilter, capa_views.summary)


@pytest.fixture
async def told(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """Deviations and CAPAs on their way, one step of each after the other."""
    stage = Stage(database, tmp_path)
    await stage.open()
    await stage.user("jdoe")
    for steps in (4, 0, 2):
        await stage.deviation(steps=steps, actor=1)
        await stage.capa(steps=steps + 1, actor=1, source_type="DEVIATION", source_id=1)
    await stage.move(2, facts.DeviationUpdated(department="Lab"))
    await stage.move(2, facts.Cancelled(reason="twice", to_state="CANCELLED"))
    await stage.move(3, STEPS[0])
    await stage.run()
    yield stage
    await stage.close()


async def streams(stage: Stage, kind: str, count: int = 3) -> list[list[Recorded]]:
    rows = [await read_stream(stage.connection, stream_id(kind, number)) for number in range(1, count + 1)]
    return [stage.codec.recorded(its) for its in rows]


async def moments(stage: Stage) -> list[datetime]:
    """Return the times of all events, and those just before them, as bounds that are exclusive."""
    found = await stage.rows("SELECT DISTINCT recorded_at FROM ledger.events ORDER BY 1")
    return [bound for (at,) in found for bound in (at, at + TICK)]


def as_was(events: list[Recorded], before: datetime) -> Any:
    return WORKFLOWS[events[0].event.kind].fold([it for it in events if it.at < before])


def plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


async def found(
    stage: Stage, kind: Kind, before: datetime, limit: int = 20, offset: int = 0, **wanted: Any
) -> tuple[int, list[Any]]:
    """Return a list as it was: the count, and the page."""
    asked = kind.everything(**wanted)
    page = await kind.lists.find(stage.connection, stage.codec, asked, before, limit, offset, PastCounts())
    return page.total, msgspec.json.decode(b"[" + page.summaries + b"]")


@pytest.mark.parametrize("kind", ["deviation", "capa"])
async def test_a_record_at_each_moment_is_the_fold_of_its_events_up_to_there(told: Stage, kind: str) -> None:
    """And there is none before it began."""
    for number, events in enumerate(await streams(told, kind), 1):
        for before in await moments(told):
            record = await past.one(told.connection, told.codec, WORKFLOWS[kind], number, before)
            assert record == as_was(events, before)


@pytest.mark.parametrize("kind", [DEVIATION, CAPA])
@pytest.mark.parametrize("status", [None, "OPEN", "CANCELLED", "INVESTIGATION", "UNDER_INVESTIGATION"])
async def test_a_list_at_each_moment_is_that_of_the_records_as_they_were(
    told: Stage, kind: Kind, status: str | None
) -> None:
    """Newest first; cancelled ones only where they are asked for, and only since they were."""
    histories = await streams(told, kind.name)
    for before in await moments(told):
        were = [it for events in reversed(histories) if (it := as_was(events, before)) is not None]
        wanted = [it for it in were if (it.status == status if status else it.status != "CANCELLED")]
        shown = [msgspec.to_builtins(kind.summary(it)) for it in wanted]
        assert await found(told, kind, before, status=status) == (len(shown), plain(shown))


@pytest.mark.parametrize(
    ("kind", "wanted", "holds"),
    [
        (DEVIATION, {"department": "Lab"}, lambda it: it.department == "Lab"),
        (CAPA, {"owner": 1}, lambda it: it.owner == 1),
        (CAPA, {"priority": "URGENT"}, lambda it: it.priority == "URGENT"),
        (CAPA, {"source_type": "DEVIATION", "source_id": 1}, lambda it: it.source_id == 1),
        (CAPA, {"overdue_at": DUE + TICK}, lambda it: it.target_completion_date is not None),
        (CAPA, {"timely_at": DUE + TICK}, lambda it: it.target_completion_date is None),
    ],
)
async def test_every_filter_asks_for_what_the_record_was_then(
    told: Stage, kind: Kind, wanted: dict[str, Any], holds: Callable[[Any], bool]
) -> None:
    """Not for what it has become."""
    histories = await streams(told, kind.name)
    counts = set()
    for before in await moments(told):
        were = [it for events in reversed(histories) if (it := as_was(events, before)) is not None]
        expected = [it.id for it in were if it.status != "CANCELLED" and holds(it)]
        total, page = await found(told, kind, before, **wanted)
        assert ([it["id"] for it in page], total) == (expected, len(expected))
        counts.add(total)
    assert len(counts) > 1


async def test_pages_of_the_past_follow_one_another(told: Stage) -> None:
    """Each with the count of all."""
    before = (await moments(told))[-1]
    pages = [await found(told, CAPA, before, limit=1, offset=offset) for offset in range(4)]
    total, whole = await found(told, CAPA, before)
    assert [it for _, page in pages for it in page] == whole
    assert {count for count, _ in pages} == {total} == {len(whole)}


async def test_a_count_of_the_past_is_taken_once(told: Stage) -> None:
    """What is recorded later can not change it; one of the present is taken again."""
    counts, asked = PastCounts(), DeviationFilter()
    then, later = (await moments(told))[8], datetime(2999, 1, 1, tzinfo=UTC)
    totals = []
    for _ in range(2):
        for before in (then, later):
            page = await DEVIATION.lists.find(told.connection, told.codec, asked, before, 20, 0, counts)
            totals.append(page.total)
        known = [counts.known(("deviation", asked, before)).position for before in (then, later)]
        assert known[0] > known[1] == await told.head()
        await told.deviation()
        await told.run()
    assert totals == [1, 2, 1, 3]


async def test_an_append_of_several_facts_is_one_version(told: Stage) -> None:
    """Nobody can ask for what was between two facts of one moment."""
    number = await told.deviation()
    await told.move(number, facts.DeviationUpdated(department="Lab"), facts.Cancelled(reason="x", to_state="CANCELLED"))
    await told.run()
    query = "SELECT status, department FROM versions WHERE kind = 'deviation' AND id = %s ORDER BY n"
    assert await told.rows(query, number) == [("OPEN", "QA"), ("CANCELLED", "Lab")]


async def test_what_no_list_narrows_by_makes_no_row(told: Stage) -> None:
    """The read model does not grow with every event."""
    before = await told.rows("SELECT count(*) FROM versions")
    await told.move(1, facts.DeviationUpdated(title="Another title"))
    await told.append(stream_id("capa", 1), capa_facts.CapaUpdated(title="Another title"))
    await told.run()
    assert await told.rows("SELECT count(*) FROM versions") == before


async def test_a_rebuild_makes_the_rows_that_were_live(told: Stage) -> None:
    """Folding stream by stream gives what folding event by event gave; and the audit's replay agrees."""
    live = await told.table("versions")
    await rebuild(told.url, told.codec, ["versions"])
    assert await told.table("versions") == live != []
    assert (await replay(told.connection, told.codec)).ok


async def test_links_are_those_of_then(told: Stage) -> None:
    """The CAPAs that followed from a deviation, and the deviation that a CAPA followed from, as they were."""
    histories = await streams(told, "capa")
    for before in await moments(told):
        were = [it for events in histories if (it := as_was(events, before)) is not None and it.status != "CANCELLED"]
        capas = await past.capas_of(told.connection, told.codec, 1, before)
        assert [(it.id, it.title, it.status) for it in capas] == [(it.id, it.title, it.status) for it in were]
    begun = (await streams(told, "deviation"))[0]
    source = await past.source_of(told.connection, told.codec, 1, begun[1].at)
    assert source is not None
    assert (source.number, source.status) == ("DEV-2026-0001", "OPEN")
    assert await past.source_of(told.connection, told.codec, 1, begun[0].at) is None


async def test_people_are_called_as_they_were_and_the_erased_stay_erased(told: Stage) -> None:
    """Whose name is gone has none in the past either."""
    before = datetime.now(UTC)
    await told.rename(1, "jsmith")
    now = {1: WORKFLOWS["user"].fold((await streams(told, "user", 1))[0])}
    shown = await past.people(told.connection, told.codec, now, before)
    assert (shown[1].name.get("username"), now[1].name.get("username")) == ("jdoe", "jsmith")
    for key in (told.folder / "keys" / "persons").iterdir():
        key.unlink()
    gone = {1: WORKFLOWS["user"].fold((await streams(told, "user", 1))[0])}
    assert (await past.people(told.connection, told.codec, gone, before))[1].name.value is None


@pytest.mark.parametrize("analyzed", [True, False])
async def test_looking_back_reads_no_table_whole(told: Stage, database: Database, *, analyzed: bool) -> None:
    """However large the ledger is: each record's own events by their index. For these values, and for any."""
    await told.crowd(4000)
    await told.run()
    if analyzed:
        with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
            owner.execute("ANALYZE")
    before = (await moments(told))[-1]
    streams = UuidColumn([stream_id("deviation", 1)])
    common = {"before": before, "moment": microseconds(before), "streams": streams, "deviation": 1}
    listed = {"kind": "deviation", "position": -1, "generation": -1, "limit": 20, "offset": 0, "status": "OPEN"}
    page = DEVIATION.lists._page(frozenset({"status"})).decode()
    for statement in (page, STREAMS, past._SQL.capas_of):
        for how in ("EXPLAIN", "EXPLAIN (GENERIC_PLAN)"):
            cursor = await told.connection.execute(f"{how} {statement}", {**common, **listed})
            plan = "\n".join(line for (line,) in await cursor.fetchall())
            assert not re.search("Seq Scan on (events|versions)", plan), plan
            assert ("events_originator_id_originator_version_key" in plan) is (statement is not past._SQL.capas_of)
