"""Reading the whole ledger to hash it: rows as raw as the server sends them, several times faster than as objects."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.types.numeric import Int8BinaryLoader
from psycopg.types.string import ByteaBinaryLoader

from ledger.merkle import LEAF_PREFIX
from ledger.queries import queries
from ledger.rows import HEAD

_SQL = queries("ledger", "read")
_CHUNK_ROWS = 200
#: PostgreSQL counts from the year 2000, the leaf from 1970.
_EPOCH_MICROSECONDS = 946_684_800_000_000


class RawRow(NamedTuple):
    """A stored event: id, topic and state as bytes, the time in microseconds since 2000."""

    position: int
    originator_id: bytes
    originator_version: int
    topic: bytes
    state: bytes
    recorded_at: int


def scan(connection: Connection[Any], after: int, limit: int) -> Iterator[RawRow]:
    """Yield up to `limit` events after a position, as plain tuples in the order of `RawRow`.

    Must be read to its end before anything else is asked on the connection.
    """
    cursor = connection.cursor()
    cursor.adapters.register_loader("uuid", ByteaBinaryLoader)
    cursor.adapters.register_loader("text", ByteaBinaryLoader)
    cursor.adapters.register_loader("timestamptz", Int8BinaryLoader)
    rows: Iterator[Any] = cursor.stream(_SQL.stored_after, (after, limit), binary=True, size=_CHUNK_ROWS)
    return rows


def unix_microseconds(recorded_at: int) -> int:
    """Return a raw time in microseconds since 1970."""
    return recorded_at + _EPOCH_MICROSECONDS


def raw_hash(row: RawRow) -> bytes:
    """Return the leaf hash of a row; equal to `rows.row_hash` of the same row."""
    position, originator_id, version, topic, state, recorded_at = row
    head = HEAD.pack(position, originator_id, version, recorded_at + _EPOCH_MICROSECONDS, len(topic))
    # The state last, so that it is copied once.
    return sha256(LEAF_PREFIX + head + topic + state).digest()
