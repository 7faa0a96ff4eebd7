"""What is asked of every read model with lists: a page, one record, the stream of a number. One statement an answer."""

from collections.abc import Hashable, Mapping
from functools import cached_property
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection, sql

from ledger.codec import RecordCodec
from ledger.queries import queries

R = TypeVar("R")
F = TypeVar("F", bound=Struct)

_SQL = queries("projections", "listing")
_MOST_COUNTS = 1000


class Found(NamedTuple):
    """A page: the exact count of all that match, and the ready JSON of the page's, joined with commas."""

    total: int
    summaries: bytes


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
        self._kept: dict[Hashable, Counted] = {}

    def known(self, wanted: Hashable) -> Counted:
        """Return the last count under a filter, or one of a position that there is not."""
        return self._kept.get(wanted, _NOT_COUNTED)

    def keep(self, wanted: Hashable, counted: Counted) -> None:
        """Keep a count."""
        if len(self._kept) >= _MOST_COUNTS:
            self._kept.clear()
        self._kept[wanted] = counted


class Listing(Generic[F, R]):
    """The questions to one read model, whose lists are narrowed by filters of a struct F.

    filters: the condition that each of the struct's fields is, where it is given. unless: conditions that hold unless a
    field is given. passing: fields whose answer changes with time alone; what is counted under one is not kept.
    """

    def __init__(
        self,
        table: str,
        filters: Mapping[str, LiteralString],
        unless: Mapping[str, LiteralString],
        passing: frozenset[str] = frozenset(),
    ) -> None:
        """Ask the read model that has the name of its table."""
        self._table = table
        self._filters = filters
        self._unless = unless
        self._passing = passing
        self._pages: dict[frozenset[str], bytes] = {}

    async def find(self, connection: AsyncConnection[Any], wanted: F, limit: int, offset: int, counts: Counts) -> Found:
        """Return a page of records, newest first, with the exact count: both of one state of the read model."""
        given = {name: value for name in self._filters if (value := getattr(wanted, name)) is not None}
        known = counts.known(wanted)
        place = {"position": known.position, "generation": known.generation}
        values = {**given, **place, "limit": limit, "offset": offset}
        cursor = await connection.execute(self._page(frozenset(given)), values, prepare=True, binary=True)
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - the statement gives one row
        position, generation, total, summaries = row
        if total is None:
            return Found(known.total, summaries or b"")
        if position is not None and self._passing.isdisjoint(given):
            counts.keep(wanted, Counted(position, generation, total))
        return Found(total, summaries or b"")

    async def one(self, connection: AsyncConnection[Any], codec: RecordCodec[R], number: int) -> R | None:
        """Return a record as its read model has it."""
        row = await (await connection.execute(self._one, (number,), prepare=True, binary=True)).fetchone()
        return codec.decode(row[0]) if row else None

    async def stream_of(self, connection: AsyncConnection[Any], number: str) -> UUID | None:
        """Return the stream of the record with a number such as `DEV-2026-0001`."""
        row = await (await connection.execute(self._stream_of, (number,), prepare=True, binary=True)).fetchone()
        return row[0] if row else None

    def _page(self, given: frozenset[str]) -> bytes:
        """Return the statement for a set of filters: put together once for each set that comes up."""
        if given not in self._pages:
            conditions = [self._filters[name] for name in sorted(given)]
            conditions += [condition for name, condition in self._unless.items() if name not in given]
            filters = sql.SQL(" AND ").join(map(sql.SQL, conditions))
            self._pages[given] = self._statement(_SQL.page, filters=filters, name=self._table)
        return self._pages[given]

    @cached_property
    def _one(self) -> bytes:
        return self._statement(_SQL.one)

    @cached_property
    def _stream_of(self) -> bytes:
        return self._statement(_SQL.stream_of)

    def _statement(self, text: LiteralString, **parts: Any) -> bytes:
        return sql.SQL(text).format(table=sql.Identifier(self._table), **parts).as_bytes()
