"""The common counts of rate limits, in PostgreSQL: many callers' portions are taken in one round trip."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ledger.queries import queries

_SQL = queries("api", "limits")


class Ask(NamedTuple):
    """How much to take of a caller's hour, and its limit."""

    hour: int
    caller: str
    ceiling: int
    amount: int


class Taken(NamedTuple):
    """What was granted of it, and the common count with that."""

    hour: int
    caller: str
    granted: int
    taken: int


class Back(NamedTuple):
    """What is given back of a caller's hour."""

    hour: int
    caller: str
    amount: int


class Counts(Protocol):
    """Where the counts are kept. Each raises psycopg.Error or a pool's error while that is away."""

    async def take(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        """Take for several callers, each named once, none beyond its limit."""

    async def give_back(self, backs: Sequence[Back]) -> None:
        """Give back for several callers, each named once."""

    async def forget(self, before: int) -> None:
        """Drop the counts of all hours before one."""


class PostgresCounts:
    """The counts in `ops.rate_hours`."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        """Use a pool's connections."""
        self._pool = pool

    async def take(self, asks: Sequence[Ask]) -> Sequence[Taken]:  # noqa: D102 - as the protocol says
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_SQL.take, _columns(asks), prepare=True)
            return [Taken(*row) for row in await cursor.fetchall()]

    async def give_back(self, backs: Sequence[Back]) -> None:  # noqa: D102
        async with self._pool.connection() as connection:
            await connection.execute(_SQL.give_back, _columns(backs), prepare=True)

    async def forget(self, before: int) -> None:  # noqa: D102
        async with self._pool.connection() as connection:
            await connection.execute(_SQL.forget, (before,))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
