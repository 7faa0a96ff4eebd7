"""A record, and a list of records, as of any moment is the fold of the events up to there: over histories by lot."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from domain.catalogue import WORKFLOWS
from domain.events import Recorded, stream_id
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.vault import Vault
from projections import capa_queries, capa_views, deviation_queries, deviation_views, past
from projections.past_listing import PastCounts
from projections.versions import VersionsReadModel
from tests.projections.report_histories import DEPARTMENTS, later, ledger
from tests.support.database import Database

_LISTS: dict[str, tuple[Any, Any, Any]] = {
    "deviation": (deviation_queries.PAST, deviation_queries.DeviationFilter, deviation_views.summary),
    "capa": (capa_queries.PAST, capa_queries.CapaFilter, capa_views.summary),
}
_TICK = timedelta(microseconds=1)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["deviation", "capa"])
@pytest.mark.clause("11.10(c)")
def test_the_past_is_the_fold_of_the_events_up_to_there(database: Database, tmp_path: Path, kind: str) -> None:
    """At every version of every record, just before it, and at moments between."""
    codec = Codec(Vault(Keys(tmp_path / "keys")))

    with asyncio.Runner() as runner:
        owner = runner.run(connect(database.owner_dsn, "test owner"))
        reader = runner.run(connect(database.app_dsn, "test"))

        async def asked(chance: Random) -> None:
            events = ledger(chance, kind)
            await _fill(owner, reader, codec, events, chance.choice((1, 3, 50)))
            ends = {it.at + shift for it in events for shift in (timedelta(0), _TICK)}
            for before in sorted({*ends, *(later(chance, it) for it in ends)})[:: chance.choice((1, 2))]:
                await _check(reader, codec, kind, events, before, chance)

        @settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate])
        @given(st.integers(0, 2**32))
        def holds(seed: int) -> None:
            runner.run(asked(Random(seed)))

        try:
            holds()
        finally:
            runner.run(owner.close())
            runner.run(reader.close())


async def _fill(
    owner: AsyncConnection[Any], reader: AsyncConnection[Any], codec: Codec, events: Sequence[Recorded], batch: int
) -> None:
    """Put events where the writer would, with the times that they have, and have the read model take them."""
    model = VersionsReadModel(codec)
    await owner.execute("TRUNCATE ledger.events, views.versions")
    rows = [(it.position, it.stream, it.version, it.event.topic, codec.encode(it.event), it.at) for it in events]
    async with owner.cursor() as cursor:
        await cursor.executemany("INSERT INTO ledger.events VALUES (%s, %s, %s, %s, %s, %s)", rows)
    for first in range(0, len(events), batch):
        await model.apply(reader, events[first : first + batch])
    await owner.execute("DELETE FROM ops.positions")
    await owner.execute("INSERT INTO ops.positions (name, position) VALUES ('versions', %s)", (len(events),))


async def _check(
    reader: AsyncConnection[Any],
    codec: Codec,
    kind: str,
    events: Sequence[Recorded],
    before: datetime,
    chance: Random,
) -> None:
    flow, (lists, everything, summary) = WORKFLOWS[kind], _LISTS[kind]
    numbers = range(1, len({it.stream for it in events}) + 1)
    until = [it for it in events if it.at < before]
    were = {n: flow.fold([it for it in until if it.stream == stream_id(kind, n)]) for n in numbers}
    for number, record in were.items():
        assert await past.one(reader, codec, flow, number, before) == record
    wanted = {"department": chance.choice(DEPARTMENTS)} if chance.random() < 0.5 else {}
    if chance.random() < 0.5:
        wanted["status"] = chance.choice(("CANCELLED", "CLOSED", "OPEN", "INITIATED"))
    there = sorted((it for it in were.values() if it is not None), key=attrgetter("id"), reverse=True)
    shown = [it for it in there if all(getattr(it, name) == value for name, value in wanted.items())]
    shown = [it for it in shown if "status" in wanted or it.status != "CANCELLED"]
    found = await lists.find(reader, codec, everything(**wanted), before, 5, 0, PastCounts())
    page = b",".join(msgspec.json.encode(summary(it)) for it in shown[:5])
    assert (found.total, found.summaries) == (len(shown), page)
