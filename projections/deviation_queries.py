"""The queries on deviations. One statement an answer, whatever the number of rows."""

from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection, sql

from domain.quality.deviation_facts import CANCELLED, Deviation
from ledger.codec import RecordCodec
from ledger.queries import queries

_SQL = queries("projections", "deviations")


class DeviationFilter(Struct, frozen=True, kw_only=True):
    """What a list is narrowed to. `begun_before` is exclusive; cancelled ones only where they are asked for."""

    status: str | None = None
    department: str | None = None
    begun_from: datetime | None = None
    begun_before: datetime | None = None


class Found(NamedTuple):
    """A page: the exact count of all that match, and the ready JSON of the page's, joined with commas."""

    total: int
    summaries: bytes


_FILTERS: dict[str, LiteralString] = {
    "status": "status = %(status)s",
    "department": "department = %(department)s",
    "begun_from": "initiated_at >= %(begun_from)s",
    "begun_before": "initiated_at < %(begun_before)s",
}


async def find(connection: AsyncConnection[Any], wanted: DeviationFilter, limit: int, offset: int) -> Found:
    """Return a page of deviations, newest first."""
    given = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    parts: list[sql.Composable] = [sql.SQL(_FILTERS[name]) for name in given]
    if wanted.status is None:
        parts.append(sql.SQL("status <> {}").format(CANCELLED))
    statement = sql.SQL(_SQL.page).format(filters=sql.SQL(" AND ").join(parts))
    cursor = await connection.execute(statement, {**given, "limit": limit, "offset": offset}, prepare=True, binary=True)
    row = await cursor.fetchone()
    return Found(row[0], row[1] or b"") if row else Found(0, b"")


async def one(connection: AsyncConnection[Any], codec: RecordCodec[Deviation], number: int) -> Deviation | None:
    """Return a deviation as its read model has it."""
    cursor = await connection.execute(_SQL.one, (number,), prepare=True, binary=True)
    row = await cursor.fetchone()
    return codec.decode(row[0]) if row else None


async def stream_of(connection: AsyncConnection[Any], number: str) -> UUID | None:
    """Return the stream of the deviation with a number such as `DEV-2026-0001`."""
    row = await (await connection.execute(_SQL.stream_of, (number,), prepare=True, binary=True)).fetchone()
    return row[0] if row else None
