"""Running consumers: read a batch, apply it, and commit rows and position together.

One leader per consumer holds its advisory lock; others stand by. A read model is led by those of its table's form.
Consumers at the same position share a read and a transaction; one that can't take an event stops alone, says so, and is
tried again from where it stood. Personal data in the events that they are given is sealed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import psycopg
import structlog
from psycopg import AsyncConnection

from ledger.append import CHANNEL
from ledger.bell import Bell
from ledger.codec import Codec
from ledger.queries import queries
from ledger.read import read_after
from ledger.rows import Row
from ledger.tasks import pause
from projections.consumer import Consumer, channel
from projections.read_model import ReadModel
from projections.sealed import sealed

log = structlog.get_logger(__name__)

_SQL = queries("projections", "runner")
_STANDBY_SECONDS = 2.0
_RETRY_SECONDS = (1.0, 60.0)


class Trouble(NamedTuple):
    """A consumer that can't take an event: until where it goes one by one, when it is tried again, after what pause."""

    until: int
    due: float
    pause: float


class _FailedError(Exception):
    """One of several consumers failed; its error is the cause."""

    def __init__(self, name: str, error: Exception) -> None:
        super().__init__(name)
        self.name = name
        self.error = error


class Runner:
    """Keeps a set of consumers at the ledger's tail."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncConnection[Any]]],
        codec: Codec,
        consumers: Sequence[Consumer],
        bell: Bell,
        *,
        poll_seconds: float = 1.0,
        batch: int = 2000,
    ) -> None:
        """Prepare. The bell must ring for the ledger; polling is the net beneath it."""
        self._connect = connect
        self._codec = sealed(codec)
        self._consumers = {consumer.name: consumer for consumer in consumers}
        self._bell = bell
        self._poll = poll_seconds
        self._batch = batch
        self._led: dict[str, int] = {}
        self._failed: dict[str, Trouble] = {}
        self._unfit = set[str]()
        self._sought = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Run until told to stop; a lost database is waited for."""
        while not stop.is_set():
            try:
                await self._session(stop)
            except (psycopg.OperationalError, OSError) as error:
                log.warning("runner_connection_lost", error=str(error))
                await pause(stop, 0.2)

    async def _session(self, stop: asyncio.Event) -> None:
        connection = await self._connect()
        self._led, self._sought = {}, float("-inf")
        try:
            await connection.execute(_SQL.by_key)
            await connection.execute(_SQL.unflushed)
            while not stop.is_set():
                heard = self._bell.told(CHANNEL)
                await self._lead(connection)
                if not await self.step(connection):
                    # What was told before we looked is no news: who stands still or by must not be woken by it again.
                    news = max(heard, *self._led.values(), 0) + 1
                    await self._bell.wait(CHANNEL, news, self._poll if self._led else _STANDBY_SECONDS)
        finally:
            await connection.close()

    async def _lead(self, connection: AsyncConnection[Any]) -> None:
        """Take the lead of every consumer that nobody leads."""
        if len(self._led) == len(self._consumers) or time.monotonic() < self._sought + _STANDBY_SECONDS:
            return
        self._sought = time.monotonic()
        for name in self._consumers.keys() - self._led.keys():
            cursor = await connection.execute(_SQL.lead, (name,))
            row = await cursor.fetchone()
            if row and row[0] and not await self._fits(connection, name):
                await self._leave(connection, name)
            elif row and row[0]:
                await connection.execute(_SQL.enter, (name,))
                await connection.execute(_SQL.recovered, (name,))  # A new leader tries what stopped the last one.
                self._led[name] = await self._position(connection, name)
                log.info("consumer_leads", consumer=name, position=self._led[name])

    async def _fits(self, connection: AsyncConnection[Any], name: str) -> bool:
        """Tell whether a consumer writes rows of the form that its table has; one of another version does not."""
        consumer = self._consumers[name]
        if not isinstance(consumer, ReadModel) or await consumer.fits(connection):
            self._unfit.discard(name)
            return True
        if name not in self._unfit:
            self._unfit.add(name)
            log.error("consumer_of_another_form", consumer=name, says="Its table is of another version; it is not led.")
        return False

    async def _leave(self, connection: AsyncConnection[Any], name: str) -> None:
        self._led.pop(name, None)
        self._failed.pop(name, None)
        await connection.execute(_SQL.leave, (name,))

    async def _follow(self, connection: AsyncConnection[Any], name: str, position: int | None) -> None:
        """Go on where somebody else has put a consumer, unless its table took another form with it."""
        if position is None or not await self._fits(connection, name):
            await self._leave(connection, name)
        else:
            self._led[name] = position

    async def _position(self, connection: AsyncConnection[Any], name: str) -> int:
        row = await (await connection.execute(_SQL.position, (name,))).fetchone()
        return int(row[0]) if row else 0

    async def step(self, connection: AsyncConnection[Any]) -> bool:
        """Move each consumer by one batch; tell whether there may be more for one of them already."""
        await self._look_after(connection)
        now = time.monotonic()
        ready = [name for name in self._led if name not in self._failed or self._failed[name].due <= now]
        more = False
        for position in sorted({self._led[name] for name in ready}):
            names = [name for name in ready if self._led[name] == position]
            if self._failed.keys().isdisjoint(names):
                more |= await self._advance(connection, names, self._batch)
            else:  # In trouble: alone, and one event at a time, so that the one in the way is named.
                for name in names:
                    more |= await self._advance(connection, [name], 1 if name in self._failed else self._batch)
        return more

    async def _look_after(self, connection: AsyncConnection[Any]) -> None:
        """Let those go on that stand still where a rebuild has carried them elsewhere."""
        for name in [name for name, trouble in self._failed.items() if trouble.pause and name in self._led]:
            position = await self._position(connection, name)
            if position != self._led[name]:
                del self._failed[name]
                await self._follow(connection, name, position)

    async def _advance(self, connection: AsyncConnection[Any], names: list[str], limit: int) -> bool:
        try:
            async with connection.transaction():
                rows = await self._apply(connection, names, limit)
        except _FailedError as failed:
            if connection.closed:
                raise failed.error from failed
            await self._stopped(connection, [failed.name], failed.error)
            return True
        except Exception as error:
            if connection.closed:
                raise
            await self._stopped(connection, names, error)
            return True
        if rows:
            for name in names:
                self._led[name] = rows[-1].position
                await self._went_on(connection, name)
                await self._consumers[name].committed()
        # A batch that is not full has reached the tail: whatever was told before it was read is in it.
        return rows is None or len(rows) == limit

    async def _apply(self, connection: AsyncConnection[Any], names: list[str], limit: int) -> list[Row] | None:
        """Take the next events; return None where the consumers are not where they were thought to be."""
        locked = await connection.execute(_SQL.lock, (names,), prepare=True)
        positions = dict(await locked.fetchall())
        here = self._led[names[0]]
        if any(positions.get(name) != here for name in names):  # A rebuild has put others in their place.
            for name in names:
                await self._follow(connection, name, positions.get(name))
            return None
        rows = await read_after(connection, here, limit)
        if not rows:
            return []
        await self._apply_rows(connection, names, rows)
        async with connection.pipeline():
            await connection.execute(_SQL.move, (rows[-1].position, names), prepare=True)
            for name in names:
                await connection.execute(_SQL.tell, (channel(name), str(rows[-1].position)), prepare=True)
        return rows

    async def _apply_rows(self, connection: AsyncConnection[Any], names: list[str], rows: list[Row]) -> None:
        consumers = [self._consumers[name] for name in names]
        wanted = frozenset[str]().union(*(consumer.kinds for consumer in consumers))
        # What nobody here takes is not decoded either: it can not stop anybody.
        events = self._codec.recorded(row for row in rows if row.topic.partition(".")[0] in wanted)
        for consumer in consumers:
            its = [event for event in events if event.event.kind in consumer.kinds]
            try:
                if its:
                    await consumer.apply(connection, its)
            except Exception as error:
                raise _FailedError(consumer.name, error) from error

    async def _went_on(self, connection: AsyncConnection[Any], name: str) -> None:
        trouble = self._failed.get(name)
        if trouble is None:
            return
        if trouble.pause:  # It stood still, and was said to.
            await connection.execute(_SQL.recovered, (name,))
        self._failed[name] = trouble._replace(pause=0.0)
        if self._led[name] >= trouble.until:
            del self._failed[name]

    async def _stopped(self, connection: AsyncConnection[Any], names: list[str], error: Exception) -> None:
        now = time.monotonic()
        if len(names) > 1 or names[0] not in self._failed:
            log.warning("consumer_failed", consumers=names, position=self._led[names[0]], error=repr(error))
            # The first failure of a batch: try again at once, each alone and event by event.
            self._failed.update({name: Trouble(self._led[name] + self._batch, now, 0.0) for name in names})
            return
        name = names[0]
        pause = min(max(self._failed[name].pause * 2, _RETRY_SECONDS[0]), _RETRY_SECONDS[1])
        self._failed[name] = self._failed[name]._replace(due=now + pause, pause=pause)
        failure = f"position {self._led[name] + 1}: {type(error).__name__}: {error}"
        await connection.execute(_SQL.failed, (failure, name))
        log.error("consumer_stopped", consumer=name, position=self._led[name] + 1, error=repr(error), retry_in=pause)
