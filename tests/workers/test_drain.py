"""Drains of two processes at the same endpoints: one at a time, nothing forgotten, no order broken."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import pytest

from ledger.connect import connect, pool
from tests.workers.receiver import Received, Receiver, Reply
from tests.workers.stage import QUICK, Stage
from tests.workers.waiting import until
from workers.webhooks.client import Client
from workers.webhooks.deliver import Courier
from workers.webhooks.drain import Drains
from workers.webhooks.locks import Locks

pytestmark = pytest.mark.anyio


async def test_two_workers_keep_the_order(stage: Stage) -> None:
    """Both are woken for everything; each record's facts arrive in order, none is sent by both."""

    def reply(received: Received) -> Reply | None:
        return Reply(500) if hash((received.id, len(receiver.received))) % 5 == 0 else None

    async with Receiver(reply) as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(sweep_seconds=600.0, schedule=(600.0,) * 2):
            deviations = [await stage.deviation("0") for _ in range(6)]
            for number in range(1, 5):
                for deviation in deviations:
                    await stage.edit(deviation, str(number))
            await until(lambda: _count(stage, 30))
        await stage.rows("UPDATE ops.deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")
        async with drains(stage) as one, drains(stage) as other:

            async def woken() -> bool:
                one.wake(1)
                other.wake(1)
                return await delivered(stage, 30)

            await until(woken, 40)
    came = defaultdict(list)
    for received in receiver.received:
        came[received.json["data"]["id"]].append(int(received.json["data"]["title"]))
    assert all(numbers == sorted(numbers) for numbers in came.values())
    ((attempts,),) = await stage.rows("SELECT count(*) FROM ops.delivery_attempts")
    assert attempts == len(receiver.received)


@pytest.mark.long
async def test_facts_that_come_while_earlier_ones_are_settled_get_their_turn(stage: Stage) -> None:
    """No delivery is left behind one that was settled in the very moment; the sweep would not find it."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(sweep_seconds=600.0):
            deviation = await stage.deviation("0")
            for number in range(1, 200):
                await stage.edit(deviation, str(number))
            await until(lambda: delivered(stage, 200), 40)
    assert [int(received.json["data"]["title"]) for received in receiver.received] == list(range(200))


class SlowLocks(Locks):
    """Locks that are given back only when told to."""

    def __init__(self, stage: Stage) -> None:
        """Hold them until `release`."""
        super().__init__(partial(connect, stage.database.app_dsn, "test locks"))
        self.leaving = asyncio.Event()
        self.release = asyncio.Event()

    async def drop(self, endpoint: int) -> None:
        """Say that it is about to happen, and wait."""
        self.leaving.set()
        await self.release.wait()
        await super().drop(endpoint)


async def test_a_wake_up_that_comes_while_another_leaves_is_not_lost(stage: Stage) -> None:
    """Who does not get the lock leaves; who has it looks again once it has given it back."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(sweep_seconds=600.0, schedule=(600.0,)):
            await stage.deviation()
            await until(lambda: _count(stage, 1))
        slow = SlowLocks(stage)
        async with drains(stage, slow) as one, drains(stage) as other:
            one.wake(1)
            await slow.leaving.wait()
            await stage.rows("UPDATE ops.deliveries SET next_attempt_at = now()")
            other.wake(1)
            await until(lambda: not other._running)
            assert receiver.received == []
            slow.release.set()
            await until(lambda: delivered(stage, 1))


async def test_an_attempt_that_somebody_else_recorded_counts_for_nothing(stage: Stage) -> None:
    """A drain whose lock was lost notices when it records, and leaves."""
    release = asyncio.Event()
    async with Receiver(lambda _: Reply(500, after=release)) as receiver:
        await stage.webhook(receiver.url)
        await stage.deviation()
        async with stage.working(sweep_seconds=600.0):
            await receiver.wait(1)
            await stage.rows("UPDATE ops.deliveries SET attempts = 1, state = 'delivered', next_attempt_at = NULL")
            release.set()
            await until(lambda: receiver.answered == 1)
    assert await stage.states() == ["delivered"]
    assert await stage.rows("SELECT failing_since FROM ops.endpoints") == [(None,)]


async def test_a_fault_of_ours_is_recorded_and_backed_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an attempt meets, it counts: nothing is tried in a silent loop."""

    def fault(*_: object) -> dict[str, str]:
        raise LookupError("never mind")

    monkeypatch.setattr("workers.webhooks.deliver.signed_headers", fault)
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with stage.working():
            await stage.deviation()
            await until(lambda: _failed(stage))
        assert receiver.received == []
    assert await stage.rows("SELECT attempts, last_error FROM ops.deliveries") == [(len(QUICK), "LookupError")]


async def _failed(stage: Stage) -> bool:
    return await stage.states() == ["failed"]


async def delivered(stage: Stage, count: int) -> bool:
    """Tell whether so many deliveries have been made."""
    return (await stage.states()).count("delivered") == count


@asynccontextmanager
async def drains(stage: Stage, locks: Locks | None = None) -> AsyncIterator[Drains]:
    """Have the drains of another process, as it were: a pool and locks of their own."""
    connections = pool(stage.database.app_dsn, "test drains", 4)
    await connections.open()
    locks = locks or Locks(partial(connect, stage.database.app_dsn, "test locks"))
    async with Client(allow_private=True, timeout_seconds=5) as client:
        courier = Courier(connections, stage.vault, client, QUICK * 9, now=lambda: datetime.now(UTC), draw=lambda: 0.5)
        made = Drains(connections, locks, courier)
        try:
            yield made
        finally:
            await made.stop(3)
            await locks.close()
            await connections.close()


async def _count(stage: Stage, count: int) -> bool:
    return len(await stage.states()) == count
