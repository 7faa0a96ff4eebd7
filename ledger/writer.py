"""Appending: the head row is the lock, the counter and the tree; one writer a process commits many appends at once.

A transaction locks the head, checks each append's versions, lets each append plan its rows (ids, numbers and the time
are allotted then, under the lock), inserts the rows, and moves the head on. So positions have no gaps, position order
is commit order, and a number is never lost to a failed append. Two round trips to the server a batch, however large.

A process that is stuck while it holds the lock loses it, with its connection, after `_HOLD_SECONDS`; who waits for it
longer than `_LOCK_SECONDS` is refused, and nothing of his is recorded.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection, AsyncCursor

from domain.errors import Unavailable
from ledger.append import CHANNEL, Append, OutcomeUnknown, Receipt
from ledger.arrays import BytesColumn, LongColumn, TextColumn, UuidColumn, register
from ledger.batch import Batch, Head, StreamVersion, asked_versions
from ledger.queries import queries

log = structlog.get_logger(__name__)

_SQL = queries("ledger", "append")
_AWAY = "The database is away; nothing was recorded."
_BUSY = "The ledger is held by another process; nothing was recorded."
_HOLD_SECONDS = 8.0
_LOCK_SECONDS = 10.0
_VERSIONS = range(2**63)


class Writer:
    """The one writer of a process. Takes all that is waiting, up to `most` appends, in one transaction."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncConnection[Any]]],
        *,
        most: int = 256,
        waiting: int = 20_000,
        lock_seconds: float = _LOCK_SECONDS,
        hold_seconds: float = _HOLD_SECONDS,
    ) -> None:
        """Prepare; nothing is opened before the first append. `waiting`: how many may queue before 503."""
        self._patience = str(round(lock_seconds * 1000)), str(round(hold_seconds * 1000))
        self._connect = connect
        self._most = most
        self._waiting = waiting
        self._queue: deque[Append] = deque()
        self._wake = asyncio.Event()
        self._connection: AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def append(self, append: Append) -> Receipt:
        """Queue an append and wait until it is durable.

        Raises VersionConflict, Unavailable (not committed), OutcomeUnknown, whatever its plan raises, psycopg.Error
        where one of its own statements fails, psycopg.DataError where it expects what no stream can have.
        """
        _check_expected(append)
        if self._closing or len(self._queue) >= self._waiting:
            raise Unavailable("The ledger takes no more appends at the moment.")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="ledger-writer")
        self._queue.append(append)
        self._wake.set()
        # Shielded: a caller that goes away must not tear its append out of a batch.
        return await asyncio.shield(append.done)

    async def close(self) -> None:
        """Write what is waiting, then close the connection."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._disconnect()

    async def _run(self) -> None:
        while True:
            while not self._queue:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
            await self._write([self._queue.popleft() for _ in range(min(self._most, len(self._queue)))])

    async def _write(self, appends: list[Append]) -> None:
        try:
            batch = await self._commit(appends)
        except _LostError as error:
            log.warning("ledger_connection_lost", error=str(error), appends=len(appends))
            await self._give_up(appends, Unavailable(_AWAY))
        except _CommitLostError as error:
            log.warning("ledger_commit_unknown", error=str(error), appends=len(appends))
            lost = OutcomeUnknown("The database went away during the commit; ask again with the same key.")
            await self._give_up(appends, lost)
        except psycopg.errors.LockNotAvailable as error:
            await self._kept_waiting(appends, error)
        except psycopg.Error as error:
            if await self._rolled_back():
                await self._refused(appends, error)
            else:
                await self._give_up(appends, Unavailable(_AWAY))
        except Exception as error:  # The writer must outlive any fault of ours: its callers are told instead.
            log.exception("ledger_writer_failed")
            await self._disconnect()  # Which takes back what was under way.
            await self._refused(appends, error)
        else:
            batch.settle()

    async def _commit(self, appends: list[Append]) -> Batch:
        connection, batch = await self._locked(appends)
        for append in appends:
            batch.add(append)
        if batch:
            await _store(connection, batch)
        else:
            await connection.execute("ROLLBACK")
        return batch

    async def _locked(self, appends: list[Append]) -> tuple[AsyncConnection[Any], Batch]:
        """Return a connection that holds the lock, and the batch to be. Nothing is at stake yet, so a connection that
        turns out to have died while it was idle is replaced, once.
        """
        asked = asked_versions(appends)
        for again in (True, False):
            connection = await self._connected()
            try:
                return connection, await _lock(connection, asked)
            except psycopg.Error as error:
                if not connection.closed:
                    raise
                if not again:
                    raise _LostError(str(error)) from error
        raise AssertionError("unreachable: the second try returns or raises")

    async def _refused(self, appends: list[Append], error: Exception) -> None:
        """The batch failed, and nothing of it is there: one bad append must not fail its neighbours."""
        if len(appends) == 1:
            appends[0].fail(error)
            return
        for append in appends:
            await self._write([append])

    async def _kept_waiting(self, appends: list[Append], error: psycopg.Error) -> None:
        """Somebody else holds the lock: whoever has waited so long is told, rather than made to wait again."""
        waited = [*appends, *self._queue]
        self._queue.clear()
        log.warning("ledger_lock_not_available", error=str(error), appends=len(waited))
        if not await self._rolled_back():
            await self._disconnect()
        for append in waited:
            append.fail(Unavailable(_BUSY))

    async def _give_up(self, appends: list[Append], error: Exception) -> None:
        await self._disconnect()
        for append in appends:
            append.fail(error)

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = await self._connect()
                await self._connection.execute(_SQL.plan)
                await self._connection.execute(_SQL.patience, self._patience)
            except (psycopg.Error, OSError) as error:
                raise _LostError(str(error)) from error
            register(self._connection)
        return self._connection

    async def _rolled_back(self) -> bool:
        """Leave the failed transaction; False where the connection went with it."""
        try:
            if self._connection is not None and not self._connection.closed:
                await self._connection.execute("ROLLBACK")
                return True
        except psycopg.Error as error:
            log.warning("ledger_rollback_failed", error=str(error))
        return False

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _check_expected(append: Append) -> None:
    """Refuse what could not even be asked of the database: it would fail the whole batch."""
    expected: Sequence[tuple[object, object]] = append.expects
    for stream, version in expected:
        if not isinstance(stream, UUID) or not isinstance(version, int) or version not in _VERSIONS:
            raise psycopg.DataError(f"No stream {stream!r} has a version {version!r}.")


class _LostError(Exception):
    """No connection to be had."""


class _CommitLostError(Exception):
    """The connection went away after COMMIT was sent."""


async def _lock(connection: AsyncConnection[Any], asked: Sequence[StreamVersion]) -> Batch:
    known = None
    if asked:
        streams, versions = zip(*asked, strict=True)
        columns = (UuidColumn(streams), LongColumn(versions))
        async with connection.pipeline():
            await connection.execute(_SQL.begin)
            locked = await connection.execute(_SQL.lock_head, prepare=True, binary=True)
            known = await connection.execute(_SQL.existing_versions, columns, prepare=True, binary=True)
    else:  # Only new records, as most batches are: both statements in one message, at half the cost of a pipeline.
        locked = await connection.execute(_SQL.begin + ";" + _SQL.lock_head)
        locked.nextset()
    size, edge, at, numbers = await _only(locked)
    taken = {asked[place - 1] for (place,) in await known.fetchall()} if known else set[StreamVersion]()
    return Batch(Head(size, edge, at.astimezone(UTC), numbers), taken)


async def _only(cursor: AsyncCursor[Any]) -> Any:
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - the migration puts the only row there
    return row


async def _store(connection: AsyncConnection[Any], batch: Batch) -> None:
    sent = False
    try:
        async with connection.pipeline():
            if batch.rows:
                await connection.execute(_SQL.add, _added(batch), prepare=True)
            for statement in batch.statements:
                await connection.execute(statement.sql, statement.parameters, prepare=True)
            # A statement that fails aborts the rest of the pipeline, this one too.
            sent = True
            await connection.execute("COMMIT")
    except psycopg.Error as error:
        if connection.closed:
            raise _CommitLostError(str(error)) from error
        raise
    except Exception as error:
        if sent:
            raise _CommitLostError(f"{type(error).__name__}: {error}") from error
        raise


def _added(batch: Batch) -> dict[str, Any]:
    rows = batch.rows
    return {
        "after": batch.head.size,
        "at": batch.head.at,
        "streams": UuidColumn([row.originator_id for row in rows]),
        "versions": LongColumn([row.originator_version for row in rows]),
        "topics": TextColumn([row.topic for row in rows]),
        "states": BytesColumn([row.state for row in rows]),
        "leaves": b"".join(batch.leaves),
        "size": batch.tree.size,
        "edge": BytesColumn(batch.tree.edge),
        "numbers": json.dumps(batch.numbers),
        "channel": CHANNEL,
    }
