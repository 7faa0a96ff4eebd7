"""A deviation that is closed with a CAPA in mind opens it, once, whatever happens in between."""

from typing import Any

import pytest

from domain.events import Recorded, stream_id
from domain.quality.deviation_facts import Closed, WantedCapa
from ledger.connect import connect
from ledger.rows import Row
from projections.follow_ups import follow_up_id
from tests.support.database import Database
from tests.workers.stage import Stage
from tests.workers.waiting import until
from workers.follow_ups import FollowUps

pytestmark = pytest.mark.anyio

WANTED = WantedCapa(title="Retrain the line", description="All shifts.", department="QA")
CLOSED = Closed(actor=1, correlation="cor-1", from_state="APPROVED", to_state="CLOSED", open_capa=WANTED)


async def opened(stage: Stage) -> list[dict[str, Any]]:
    """The facts of the CAPAs that there are."""
    rows = await stage.rows(
        "SELECT position, originator_id, originator_version, topic, state, recorded_at FROM ledger.events"
        " WHERE topic = 'capa.created' ORDER BY position"
    )
    events = [recorded.event for recorded in stage.codec.recorded(Row(*row) for row in rows)]
    return [{name: getattr(event, name) for name in event.__struct_fields__} for event in events]


async def has(stage: Stage) -> bool:
    """Whether there is any."""
    return bool(await opened(stage))


async def closing(stage: Stage) -> list[Recorded]:
    """The facts of closing, as the consumer gets them."""
    rows = await stage.rows(
        "SELECT position, originator_id, originator_version, topic, state, recorded_at FROM ledger.events"
        " WHERE topic = 'deviation.closed'"
    )
    return list(stage.codec.recorded(Row(*row) for row in rows))


async def applied(stage: Stage, events: list[Recorded]) -> None:
    """Let the consumer take events, without its position."""
    async with await connect(stage.database.app_dsn, "test") as connection:
        await FollowUps(stage.codec, stage.writer).apply(connection, events)


async def test_a_capa_is_opened_by_who_closed_with_the_deviation_as_its_source(stage: Stage) -> None:
    await stage.deviation("Another")
    number = await stage.deviation()
    async with stage.working():
        await stage.move(number, CLOSED)
        await until(lambda: has(stage))
    (capa,) = await opened(stage)
    assert (capa["source_type"], capa["source_id"], capa["title"]) == ("DEVIATION", number, "Retrain the line")
    assert (capa["actor"], capa["correlation"], capa["to_state"]) == (1, "cor-1", "INITIATED")
    assert capa["causation"] == f"{stream_id('deviation', number)}/2"
    assert (capa["id"], capa["number"][:5]) == (1, "CAPA-")


async def test_closing_without_one_in_mind_opens_none(stage: Stage) -> None:
    await stage.move(await stage.deviation(), Closed(actor=1, from_state="APPROVED", to_state="CLOSED"))
    await applied(stage, await closing(stage))
    assert await opened(stage) == []


async def test_taking_the_same_fact_again_opens_no_second_one(stage: Stage) -> None:
    await stage.move(await stage.deviation(), CLOSED)
    for _ in range(3):
        await applied(stage, await closing(stage))
    assert len(await opened(stage)) == 1


async def test_two_that_open_at_once_open_one(stage: Stage, database: Database) -> None:
    """Between looking and appending another may have been faster: the append itself is refused."""
    await stage.move(await stage.deviation(), CLOSED)
    (event,) = await closing(stage)
    first, second = FollowUps(stage.codec, stage.writer), FollowUps(stage.codec, stage.writer)
    async with await connect(database.app_dsn, "test") as one, await connect(database.app_dsn, "test") as other:
        await one.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await one.execute("SELECT count(*) FROM ops.follow_ups")  # What it sees from now on is old.
        await second.apply(other, [event])
        await first.apply(one, [event])
    assert len(await opened(stage)) == 1


async def test_closed_again_it_opens_another(stage: Stage) -> None:
    number = await stage.deviation()
    for _ in range(2):
        await stage.move(number, CLOSED)
    await applied(stage, await closing(stage))
    assert [capa["id"] for capa in await opened(stage)] == [1, 2]


async def test_what_is_left_when_a_worker_ends_is_opened_by_the_next(stage: Stage) -> None:
    async with stage.working():
        pass
    await stage.move(await stage.deviation(), CLOSED)
    async with stage.working():
        await until(lambda: has(stage))
    assert len(await opened(stage)) == 1


def test_the_id_of_a_follow_up_is_the_same_for_ever() -> None:
    assert str(follow_up_id(stream_id("deviation", 1), 9, "capa")) == "ec0c4a61-c82f-593c-aa74-fb4841d8beea"
