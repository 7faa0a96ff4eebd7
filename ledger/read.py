"""Reading events back: a stream, or everything after a position. In position order, nothing left out."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from ledger.queries import queries
from ledger.rows import Row

_SQL = queries("ledger", "read")


class LedgerDamaged(Exception):
    """Events that must be there are not: whoever read on would miss them for ever. `audit verify` says more."""


async def read_after(connection: AsyncConnection[Any], position: int, limit: int) -> list[Row]:
    """Return up to `limit` events after a position; one index range. Raises LedgerDamaged where one is missing."""
    cursor = await connection.execute(_SQL.after, (position, limit), prepare=True, binary=True)
    rows = [Row(*row) for row in await cursor.fetchall()]
    if rows and rows[-1].position != position + len(rows):
        missing = next(place for place, row in enumerate(rows, position + 1) if row.position != place)
        raise LedgerDamaged(f"the event at position {missing} is missing")
    return rows


async def read_stream(connection: AsyncConnection[Any], stream: UUID) -> list[Row]:
    """Return a stream's events in their order; none for a stream that is not there."""
    cursor = await connection.execute(_SQL.stream, (stream,), prepare=True, binary=True)
    return [Row(*row) for row in await cursor.fetchall()]


async def head_size(connection: AsyncConnection[Any]) -> int:
    """Return the number of events, which is the last position."""
    cursor = await connection.execute(_SQL.head_size, prepare=True)
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


class StreamDigest:
    """The hash that a signature binds: SHA-256 over version, topic and bytes of every event of a stream so far."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self._hash = sha256()

    def add(self, row: Row) -> None:
        """Take the next event in."""
        topic = row.topic.encode()
        self._hash.update(b"%d %d %d\n" % (row.originator_version, len(topic), len(row.state)))
        self._hash.update(topic)
        self._hash.update(row.state)

    def text(self) -> str:
        """Return it as a signature names it."""
        return f"sha256:{self._hash.hexdigest()}"


def stream_digest(rows: Iterable[Row]) -> str:
    """Return the hash that a signature binds, over these events."""
    digest = StreamDigest()
    for row in rows:
        digest.add(row)
    return digest.text()
