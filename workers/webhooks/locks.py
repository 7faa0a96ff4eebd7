"""Which endpoints this process drains: advisory locks, all held by one connection. They go when the process goes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection

from ledger.queries import queries

_SQL = queries("workers", "deliveries")


class Locks:
    """Takes and drops the lock of an endpoint; among all processes one holds it."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection[Any]]]) -> None:
        """Prepare; the connection is opened when the first lock is asked for."""
        self._connect = connect
        self._connection: AsyncConnection[Any] | None = None
        self._held: set[int] = set()
        self._turn = asyncio.Lock()

    async def take(self, endpoint: int) -> bool:
        """Take the lock; False where another process has it. Raises psycopg.OperationalError without a database."""
        async with self._turn:
            connection = await self._connected()
            row = await (await connection.execute(_SQL.lock, (endpoint,), prepare=True)).fetchone()
            taken = bool(row and row[0])
            if taken:
                self._held.add(endpoint)
            return taken

    def holds(self, endpoint: int) -> bool:
        """Tell whether the lock is held, as far as is known: it is lost with its connection."""
        return endpoint in self._held and self._connection is not None and not self._connection.closed

    async def drop(self, endpoint: int) -> None:
        """Give the lock back; one that went with its connection is gone already."""
        async with self._turn:
            if not self.holds(endpoint):
                return
            self._held.discard(endpoint)
            assert self._connection is not None  # noqa: S101 - `holds` says so
            try:
                await self._connection.execute(_SQL.unlock, (endpoint,), prepare=True)
            except psycopg.OperationalError:
                await self._lose()

    async def close(self) -> None:
        """Drop all locks."""
        await self._lose()

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._held.clear()
            self._connection = await self._connect()
        return self._connection

    async def _lose(self) -> None:
        connection, self._connection = self._connection, None
        self._held.clear()
        if connection is not None:
            await connection.close()
