"""Which records keep a printed name, and until when."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from domain.events import Event, stream_id
from domain.quality import capa_facts, deviation_facts
from ledger.connect import connect
from projections.kept import Kept, KeptBy, kept, streams_of
from tests.support.database import Database
from tests.workers.stage import Stage

pytestmark = pytest.mark.anyio

CLOSED = deviation_facts.Closed(actor=2, from_state="APPROVED", to_state="CLOSED")
REOPENED = deviation_facts.Reopened(actor=2, from_state="CLOSED", to_state="UNDER_INVESTIGATION")
CANCELLED = deviation_facts.Cancelled(actor=2, from_state="OPEN", to_state="CANCELLED")
LONG_AGO = datetime(2020, 2, 29, 12, tzinfo=UTC)


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(database, tmp_path)
    yield made
    await made.writer.close()


async def keeping(stage: Stage, user: int) -> Kept:
    async with await connect(stage.database.app_dsn, "test") as connection:
        return await kept(connection, stage.codec, (await streams_of(connection, {user}))[user])


def deviations(records: int, opened: int, until: datetime | None = None) -> tuple[KeptBy, ...]:
    return (KeptBy(kind="deviation", records=records, open=opened, until=until),)


def backdate(stage: Stage, at: datetime) -> None:
    """Let all that was recorded have been recorded then, with the rights of the database's owner."""
    with psycopg.connect(stage.database.owner_dsn) as connection:
        connection.execute("UPDATE ledger.events SET recorded_at = %s", (at,))


@pytest.mark.parametrize(
    "naming",
    [
        deviation_facts.InvestigatorAssigned(investigator=7, actor=2, from_state="OPEN", to_state="OPEN"),
        deviation_facts.InvestigatorReassigned(investigator=7, actor=2, from_state="OPEN", to_state="OPEN"),
        deviation_facts.DeviationUpdated(title="T", actor=7, from_state="OPEN", to_state="OPEN"),
    ],
)
async def test_who_acted_or_is_named_is_in_the_record_and_nobody_else(stage: Stage, naming: Event) -> None:
    number = await stage.deviation(actor=None)
    await stage.move(number, naming)
    await stage.deviation(actor=2)
    assert (await keeping(stage, 7)).records == deviations(1, 1)
    assert (await keeping(stage, 77)).records == ()


async def test_owners_of_capas_and_of_actions_are_in_them(stage: Stage) -> None:
    stream = stream_id("capa", 1)
    created = capa_facts.CapaCreated(id=1, number="C", title="T", description="D", department="QC", actor=2)
    await stage.append(stream, created)
    await stage.append(stream, capa_facts.OwnerAssigned(owner=7, actor=2))
    await stage.append(stream, capa_facts.ActionAdded(action_id=1, action_kind="PREVENTIVE", description="D", owner=8))
    await stage.append(stream, capa_facts.ActionChanged(action_id=1, owner=9))
    for user in (2, 7, 8, 9):
        assert [(it.kind, it.records) for it in (await keeping(stage, user)).records] == [("capa", 1)]


async def test_words_that_look_like_it_name_nobody(stage: Stage) -> None:
    number = await stage.deviation('{"actor":7,"owner":7,', actor=2)
    await stage.edit(number, '"investigator":7}')
    assert await streams_of_user(stage, 7) == []


async def streams_of_user(stage: Stage, user: int) -> list[object]:
    async with await connect(stage.database.app_dsn, "test") as connection:
        return list((await streams_of(connection, {user}))[user])


async def test_what_others_did_is_no_record_of_his(stage: Stage) -> None:
    await stage.webhook("https://example.com/")
    await stage.user()
    assert (await keeping(stage, 1)).records == ()


async def test_an_open_record_keeps_a_name_without_end_and_an_ended_one_for_the_years(stage: Stage) -> None:
    for facts in ([CLOSED], [CANCELLED], []):
        number = await stage.deviation(actor=2)
        for fact in facts:
            await stage.move(number, fact)
    backdate(stage, LONG_AGO)
    until = datetime(2030, 3, 1, 12, tzinfo=UTC)
    it = await keeping(stage, 2)
    assert it == Kept(until=None, records=deviations(3, 1, until))
    await stage.move(3, CANCELLED)
    backdate(stage, LONG_AGO)
    assert await keeping(stage, 2) == Kept(until=until, records=deviations(3, 0, until))


async def test_a_reopened_record_is_open(stage: Stage) -> None:
    number = await stage.deviation(actor=2)
    for fact in (CLOSED, REOPENED):
        await stage.move(number, fact)
    assert (await keeping(stage, 2)).records[0].open == 1
    await stage.move(number, CLOSED)
    assert (await keeping(stage, 2)).records[0].open == 0
