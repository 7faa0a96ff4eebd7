"""The queries on deviations. One statement an answer, whatever the number of rows."""

from datetime import datetime
from functools import cache
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection, sql

from domain.quality.deviation_facts import CANCELLED, Deviation
from ledger.codec import RecordCodec
from ledger.queries import queries

_SQL = queries("projections", "deviations")
_MOST_COUNTS = 1000


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


@cache
def _page(given: frozenset[str]) -> bytes:
    """Return the statement for a set of filters: put together once for each set that comes up."""
    parts: list[sql.Composable] = [sql.SQL(_FILTERS[name]) for name in sorted(given)]
    if "status" not in given:
        parts.append(sql.SQL("status <> {}").format(CANCELLED))
    return sql.SQL(_SQL.page).format(filters=sql.SQL(" AND ").join(parts)).as_bytes()


class Counted(NamedTuple):
    """A total, and the read model's position and generation when it was counted."""

    position: int
    generation: int
    total: int


_NOT_COUNTED = Counted(-1, -1, 0)


class Counts:
    """Counts of filtered lists, each good while the read model stands at the position at which it was taken."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[DeviationFilter, Counted] = {}

    def known(self, wanted: DeviationFilter) -> Counted:
        """Return the last count, or one of a position that there is not."""
        return self._kept.get(wanted, _NOT_COUNTED)

    def keep(self, wanted: DeviationFilter, counted: Counted) -> None:
        """Keep a count."""
        if len(self._kept) >= _MOST_COUNTS:
            self._kept.clear()
        self._kept[wanted] = counted


async def find(
    connection: AsyncConnection[Any], wanted: DeviationFilter, limit: int, offset: int, counts: Counts
) -> Found:
    """Return a page of deviations, newest first, with the exact count: both of one state of the read model."""
    given = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    known = counts.known(wanted)
    place = {"position": known.position, "generation": known.generation}
    values = {**given, **place, "limit": limit, "offset": offset}
    cursor = await connection.execute(_page(frozenset(given)), values, prepare=True, binary=True)
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - the statement gives one row
    position, generation, total, summaries = row
    if total is None:
        return Found(known.total, summaries or b"")
    if position is not None:
        counts.keep(wanted, Counted(position, generation, total))
    return Found(total, summaries or b"")


async def one(connection: AsyncConnection[Any], codec: RecordCodec[Deviation], number: int) -> Deviation | None:
    """Return a deviation as its read model has it."""
    cursor = await connection.execute(_SQL.one, (number,), prepare=True, binary=True)
    row = await cursor.fetchone()
    return codec.decode(row[0]) if row else None


async def stream_of(connection: AsyncConnection[Any], number: str) -> UUID | None:
    """Return the stream of the deviation with a number such as `DEV-2026-0001`."""
    row = await (await connection.execute(_SQL.stream_of, (number,), prepare=True, binary=True)).fetchone()
    return row[0] if row else None
