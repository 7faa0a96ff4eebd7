"""Whatever happens in whatever order: each record's queue stays in order, and nothing in it is ever forgotten."""

import asyncio
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from ledger.connect import connect
from tests.support.database import Database, Server
from tests.workers.dispatching import Dispatching
from tests.workers.sending import Sending, sending
from tests.workers.stage import Stage

ATTEMPTS = (0.0, 600.0, 600.0)
RECORDS = 2
PENDING = """
    SELECT stream::text, id, again, position, next_attempt_at IS NOT NULL FROM ops.deliveries
    WHERE state = 'pending' ORDER BY stream, again, position
"""
SETTLED = "SELECT id FROM ops.deliveries WHERE state <> 'pending' ORDER BY position"

NUMBER = st.integers(0, 7)
STEP = st.one_of(
    st.tuples(st.just("edit"), st.integers(0, RECORDS - 1)),
    st.tuples(st.just("ask"), st.sampled_from(["all", "delivered", "failed"])),
    st.tuples(st.just("ask_one"), NUMBER),
    st.tuples(st.just("dispatch"), st.none()),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("settle"), st.tuples(NUMBER, st.sampled_from([200, 200, 500]))),
    st.tuples(st.just("time_passes"), st.none()),
)


class Play:
    """One endpoint and some records, at the mercy of everybody."""

    def __init__(self, stage: Stage, hand: Sending, connection: AsyncConnection[Any]) -> None:
        """Begin with nothing sent."""
        self.stage = stage
        self.connection = connection
        self.hand = hand
        self.dispatching = Dispatching(stage)
        self.deviations: list[int] = []
        self.first_sent: dict[Any, list[int]] = defaultdict(list)

    async def begin(self) -> None:
        """Make the records, each of which has told of itself once."""
        await self.stage.webhook("http://127.0.0.1:1/")
        self.deviations = [await self.stage.deviation() for _ in range(RECORDS)]
        await self.dispatch()

    async def edit(self, record: int) -> None:
        await self.stage.edit(self.deviations[record], "edited")

    async def ask(self, state: str) -> None:
        await self.stage.ask_again(1, state=state)

    async def ask_one(self, number: int) -> None:
        if settled := await self.rows(SETTLED):
            await self.stage.ask_again(1, delivery=settled[number % len(settled)][0])

    async def dispatch(self, _: None = None) -> None:
        await self.dispatching.go_on(self.connection)

    async def look(self, _: None = None) -> None:
        waiting = {stream for stream, _, again, *_ in await self.rows(PENDING) if not again}
        for delivery in await self.hand.look(1):
            ((again,),) = await self.rows("SELECT again FROM ops.deliveries WHERE id = %s", delivery.id)
            if again:
                assert str(delivery.stream) not in waiting, "what is sent again went in front of what is new"
            elif delivery.attempts == 0:
                self.first_sent[delivery.stream].append(delivery.position)
        streams = [delivery.stream for delivery in self.hand.under_way]
        assert len(set(streams)) == len(streams), "two of a record are under way"

    async def settle(self, how: tuple[int, int]) -> None:
        if self.hand.under_way:
            await self.hand.settle(*how)

    async def time_passes(self, _: None = None) -> None:
        await self.rows("UPDATE ops.deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = await self.connection.execute(query.encode(), values)
        return list(await cursor.fetchall()) if cursor.description else []

    async def check(self) -> None:
        """Of each record the first that is pending has a time, and nothing else has."""
        queues = defaultdict(list)
        for stream, _, _, _, timed in await self.rows(PENDING):
            queues[stream].append(timed)
        assert all(timed == [True, *[False] * (len(timed) - 1)] for timed in queues.values())
        assert all(positions == sorted(positions) for positions in self.first_sent.values())

    async def end(self) -> None:
        """Let everything arrive."""
        await self.dispatch()
        while self.hand.under_way or await self.rows(PENDING):
            await self.time_passes()
            await self.look()
            assert self.hand.under_way, "something waits for ever"
            await self.settle((0, 200))
            await self.check()


async def play(database: Database, folder: Path, steps: list[tuple[str, Any]]) -> None:
    """Take the steps, and look after each."""
    stage = Stage(database, folder)
    await stage.user()
    async with sending(stage, ATTEMPTS) as hand, await connect(database.app_dsn, "test") as connection:
        it = Play(stage, hand, connection)
        await it.begin()
        for name, argument in steps:
            await getattr(it, name)(argument)
            await it.check()
        await it.end()
    await stage.writer.close()


def played(server: Server, steps: list[tuple[str, Any]]) -> None:
    """Play on a database of its own."""
    with server.database() as database, TemporaryDirectory() as folder:
        asyncio.run(play(database, Path(folder), steps))


@settings(max_examples=6, deadline=None)
@given(steps=st.lists(STEP, min_size=20, max_size=40))
def test_queues_stay_in_order_and_empty_themselves(server: Server, steps: list[tuple[str, Any]]) -> None:
    played(server, steps)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, min_size=10, max_size=80))
def test_queues_stay_in_order_through_long_stories(server: Server, steps: list[tuple[str, Any]]) -> None:
    played(server, steps)
