"""Portions of a common count: taken from PostgreSQL, counted down in memory, given back."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.limits import Limits
from api.limits_count import Ask, Back, PostgresCounts
from api.limits_portion import HOUR_SECONDS
from domain.errors import Unavailable
from ledger.connect import pool
from tests.api.counting import BEGIN, Clock, MemoryCounts, admitted
from tests.support.database import Database

pytestmark = pytest.mark.anyio

HOUR = BEGIN // HOUR_SECONDS


@pytest.fixture
async def connections(database: Database) -> AsyncIterator[AsyncConnectionPool[AsyncConnection[Any]]]:
    async with pool(database.app_dsn, "test", 4) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory() -> MemoryCounts:
    return MemoryCounts()


async def used_up(limits: Limits, caller: str, ceiling: int) -> int:
    """Ask until one is refused; return how many were let in."""
    count = 0
    while await admitted(limits, caller, ceiling):
        count += 1
    return count


async def test_the_statements_keep_the_counts_as_the_arithmetic_says(connections: Any) -> None:
    chance = random.Random(7)
    ours, memory = PostgresCounts(connections), MemoryCounts()
    callers = [f"user:{number}" for number in range(6)]
    for _ in range(150):
        some = chance.sample(callers, chance.randint(1, 6))
        if chance.random() < 0.7:
            asks = [Ask(HOUR, one, chance.choice((3, 10, 40)), chance.randint(1, 15)) for one in some]
            assert sorted(await ours.take(asks)) == sorted(await memory.take(asks))
        else:
            backs = [Back(HOUR, one, chance.randint(1, 15)) for one in some]
            await ours.give_back(backs)
            await memory.give_back(backs)


async def test_processes_that_move_the_same_counts_at_once_neither_lose_one_nor_block(connections: Any) -> None:
    counts = PostgresCounts(connections)
    callers = [f"user:{number}" for number in range(30)]

    async def move(seed: int) -> int:
        chance, net = random.Random(seed), 0
        for _ in range(25):
            some = chance.sample(callers, len(callers))
            net += sum(one.granted for one in await counts.take([Ask(HOUR, it, 10**6, 3) for it in some]))
            await counts.give_back([Back(HOUR, it, 2) for it in reversed(some)])
            net -= 2 * len(some)
        return net

    net = sum(await asyncio.gather(*(move(seed) for seed in range(4))))
    async with connections.connection() as connection:
        row = await (await connection.execute("SELECT sum(taken) FROM ops.rate_hours")).fetchone()
    assert row[0] == net == 4 * 25 * 30


async def test_hours_that_are_over_are_forgotten(connections: Any, clock: Clock) -> None:
    limits = Limits(PostgresCounts(connections), clock)
    for hours in range(4):
        clock.now = BEGIN + hours * HOUR_SECONDS
        assert await admitted(limits, "user:1", 5)
    await limits.forget()
    async with connections.connection() as connection:
        rows = await (await connection.execute("SELECT hour FROM ops.rate_hours ORDER BY hour")).fetchall()
    assert rows == [(HOUR + 2,), (HOUR + 3,)]


async def test_two_processes_admit_the_limit_between_them_and_no_more(connections: Any, clock: Clock) -> None:
    one, other = (Limits(PostgresCounts(connections), clock) for _ in range(2))

    async def ask(limits: Limits) -> int:
        return sum([await admitted(limits, "user:1", 100) for _ in range(10)])

    assert sum(await asyncio.gather(*(ask(limits) for limits in (one, other) * 10))) == 100


async def test_what_one_does_not_use_the_other_can_once_it_is_given_back(memory: Any, clock: Clock) -> None:
    one, other = Limits(memory, clock), Limits(memory, clock)
    for _ in range(60):
        await admitted(one, "user:1", 200)
    first = await used_up(other, "user:1", 200)
    assert first < 140
    clock.now += 11
    await one.sweep()
    assert first + await used_up(other, "user:1", 200) == 140


async def test_a_process_that_stops_gives_back_what_it_has(memory: Any, clock: Clock) -> None:
    one, other = Limits(memory, clock), Limits(memory, clock)
    for _ in range(60):
        await admitted(one, "user:1", 200)
    await one.stop()
    assert await used_up(other, "user:1", 200) == 140


async def test_the_answer_tells_what_is_left_and_when_the_next_hour_begins(memory: Any, clock: Clock) -> None:
    limits = Limits(memory, clock)
    clock.now += 600
    told = [await limits.ask("user:1", 1000) for _ in range(300)]
    assert [verdict.remaining for verdict in told] == list(range(999, 699, -1))
    assert {(verdict.limit, verdict.reset) for verdict in told} == {(1000, BEGIN + HOUR_SECONDS)}


async def test_a_new_hour_begins_at_the_limit_again(memory: Any, clock: Clock) -> None:
    limits = Limits(memory, clock)
    assert await used_up(limits, "user:1", 20) == 20
    clock.now = BEGIN + HOUR_SECONDS - 0.001
    assert not await admitted(limits, "user:1", 20)
    clock.now = BEGIN + HOUR_SECONDS
    verdict = await limits.ask("user:1", 20)
    assert (verdict.admitted, verdict.remaining, verdict.reset) == (True, 19, BEGIN + 2 * HOUR_SECONDS)


async def test_another_limit_holds_at_once_for_what_was_taken_already(memory: Any, clock: Clock) -> None:
    limits = Limits(memory, clock)
    for _ in range(100):
        await admitted(limits, "user:1", 1000)
    assert not await admitted(limits, "user:1", 100)
    assert (await limits.ask("user:1", 105)).remaining == 4
    assert await used_up(limits, "user:1", 105) == 4
    assert await used_up(limits, "user:1", 200) == 95


async def test_most_requests_ask_nobody(memory: Any, clock: Clock) -> None:
    limits = Limits(memory, clock)
    assert await used_up(limits, "user:1", 100_000) == 100_000
    assert memory.asked < 250


async def test_a_limit_that_was_reached_is_not_asked_for_with_every_request(memory: Any, clock: Clock) -> None:
    limits = Limits(memory, clock)
    await used_up(limits, "user:1", 10)
    before = memory.asked
    for _ in range(1000):
        assert not await admitted(limits, "user:1", 10)
    assert memory.asked == before


async def test_requests_that_wait_together_ask_once(memory: Any, clock: Clock) -> None:
    limits = Limits(memory, clock)
    answers = await asyncio.gather(*(limits.ask(f"user:{number % 50}", 1000) for number in range(500)))
    assert all(verdict.admitted for verdict in answers)
    assert memory.asked <= 2


async def test_a_flood_from_many_addresses_takes_bounded_memory(memory: Any, clock: Clock) -> None:
    limits = Limits(memory, clock, most_callers=100)
    for number in range(2_000):
        clock.now += 0.001
        assert await admitted(limits, f"address:{number}", 100)
    assert len(limits._portions) <= 100
    assert await used_up(limits, "address:0", 100) == 99


async def test_while_the_counts_are_away_a_portion_can_be_used_and_nothing_beyond_it(memory: Any, clock: Clock) -> None:
    limits = Limits(memory, clock)
    for _ in range(70):
        await admitted(limits, "user:1", 1000)
    memory.away = True
    portion = limits._portions["user:1"].left
    assert portion > 0
    for _ in range(portion):
        assert await admitted(limits, "user:1", 1000)
    with pytest.raises(Unavailable):
        await limits.ask("user:1", 1000)
    asked = memory.asked
    for _ in range(100):
        with pytest.raises(Unavailable):
            await limits.ask("user:2", 1000)
    assert memory.asked == asked
    memory.away = False
    clock.now += 1.1
    assert await admitted(limits, "user:2", 1000)


async def test_what_could_not_be_given_back_is_given_back_later(memory: Any, clock: Clock) -> None:
    one, other = Limits(memory, clock), Limits(memory, clock)
    for _ in range(60):
        await admitted(one, "user:1", 200)
    memory.away = True
    clock.now += 11
    with pytest.raises(Exception, match="away"):
        await one.sweep()
    memory.away = False
    await one.sweep()
    assert await used_up(other, "user:1", 200) == 140
