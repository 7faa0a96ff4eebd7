"""Draining: what is due at an endpoint is sent until nothing is, by one process at a time."""

import asyncio
from uuid import UUID

import psycopg
import structlog

from ledger.queries import queries
from ledger.tasks import end
from workers.webhooks.deliver import Courier, Delivery, Endpoint, Pool
from workers.webhooks.locks import Locks

log = structlog.get_logger(__name__)

_SQL = queries("workers", "deliveries")
#: Records of one endpoint that are sent at the same time.
_PARALLEL = 8
_ENDPOINTS = 100
# What is due later than this is left to the sweep.
_ALARM_SECONDS = 60.0


class Drains:
    """The drains of this process. All of it happens on one event loop."""

    def __init__(self, pool: Pool, locks: Locks, courier: Courier) -> None:
        """Prepare."""
        self._pool = pool
        self._locks = locks
        self._courier = courier
        self._room = asyncio.Semaphore(_ENDPOINTS)
        self._running: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self._alarms: dict[int, asyncio.TimerHandle] = {}
        self._stopping = False

    def wake(self, endpoint: int) -> None:
        """Drain an endpoint; where that is being done, look again before it ends."""
        if self._stopping:
            return
        if endpoint in self._running:
            self._again.add(endpoint)
            return
        if alarm := self._alarms.pop(endpoint, None):
            alarm.cancel()
        self._running[endpoint] = asyncio.create_task(self._run(endpoint), name=f"drain-{endpoint}")

    async def stop(self, seconds: float) -> None:
        """Begin nothing more; let what is under way end, for so long. What does not is sent again another time."""
        self._stopping = True
        for alarm in self._alarms.values():
            alarm.cancel()
        running = list(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=seconds)
            await end(late)

    async def _run(self, endpoint: int) -> None:
        wait = None
        try:
            async with self._room:
                wait = await self._until_nothing_is_due(endpoint)
        except psycopg.Error as error:
            _interrupted(endpoint, error)
        except Exception:  # A fault of ours: said once a sweep, and the other endpoints go on.
            log.exception("drain_failed", endpoint=endpoint)
        finally:
            del self._running[endpoint]
            self._again.discard(endpoint)
        if wait is not None and wait <= _ALARM_SECONDS and not self._stopping:
            self._alarms[endpoint] = asyncio.get_running_loop().call_later(wait, self.wake, endpoint)

    async def _until_nothing_is_due(self, endpoint: int) -> float | None:
        """Return the seconds until something is due again; None where that is not known, or another's to know."""
        while not self._stopping:
            self._again.discard(endpoint)
            if not await self._locks.take(endpoint):
                return None
            try:
                lost = not await self._drain(endpoint)
            finally:
                await self._locks.drop(endpoint)
            # Asked after the lock is given back: whoever was told of more meanwhile did not get it, and left.
            wait = None if lost else await self._next_due(endpoint)
            if endpoint not in self._again and (wait is None or wait > 0):
                return wait
        return None

    async def _next_due(self, endpoint: int) -> float | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_SQL.next_due, (endpoint,), prepare=True)).fetchone()
        return row[0] if row else None

    async def _drain(self, number: int) -> bool:
        """Send what is due, records beside each other; False where the endpoint turns out to be another's."""
        under_way: dict[asyncio.Task[bool], UUID] = {}
        ours = True
        try:
            while True:
                if ours and not self._stopping:
                    endpoint, due = await self._look(number, list(under_way.values()))
                    for delivery in due:
                        under_way[asyncio.create_task(self._attempt(endpoint, delivery))] = delivery.stream
                if not under_way:
                    return ours
                done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del under_way[task]
                    ours = task.result() and ours and self._locks.holds(number)
        finally:
            await _end(list(under_way))

    async def _attempt(self, endpoint: Endpoint, delivery: Delivery) -> bool:
        """Make an attempt; one that can't be recorded ends the drain, and leaves its neighbours to end."""
        try:
            return await self._courier.attempt(endpoint, delivery)
        except psycopg.Error as error:
            _interrupted(endpoint.id, error)
            return False

    async def _look(self, number: int, under_way: list[UUID]) -> tuple[Endpoint, list[Delivery]]:
        """Return what may be sent beside what is under way: of each record one at a time."""
        async with self._pool.connection() as connection:
            found = await (await connection.execute(_SQL.endpoint, (number,), prepare=True)).fetchone()
            assert found is not None  # noqa: S101 - deliveries refer to it
            endpoint = Endpoint(*found)
            if not endpoint.told:
                if endpoint.ended is not None and not under_way:
                    await connection.execute(_SQL.abandon, (number, endpoint.ended))
                return endpoint, []
            asked = {"endpoint": number, "under_way": under_way, "most": _PARALLEL - len(under_way)}
            cursor = await connection.execute(_SQL.due, asked, prepare=True)
            return endpoint, [Delivery(*row) for row in await cursor.fetchall()]


def _interrupted(endpoint: int, error: psycopg.Error) -> None:
    log.warning("drain_interrupted", endpoint=endpoint, error=f"{type(error).__name__}: {error}"[:200])


async def _end(attempts: list[asyncio.Task[bool]]) -> None:
    """Cut off what is under way: it stays due."""
    await end(attempts)
    await asyncio.gather(*attempts, return_exceptions=True)
