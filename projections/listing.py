"""What is asked of every read model with lists: a page, one record, the stream of a number."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection, sql

from ledger.codec import RecordCodec
from ledger.queries import queries
from projections import counting
from projections.counting import NOT_COUNTED, Counted, Counts

R = TypeVar("R")
F = TypeVar("F", bound=Struct)

_SQL = queries("projections", "listing")
#: Past so many events since a count, all is counted again.
FEW = 1000
#: From here on a page's place is found by the counts, not by passing over all that is in front of it.
DEEP = 1000


class Found(NamedTuple):
    """A page: the exact count of all that match, and the ready JSON of the page's, joined with commas."""

    total: int
    summaries: bytes


class _Asked(NamedTuple):
    """Over which connection something is asked, and the filters that are given."""

    connection: AsyncConnection[Any]
    filters: dict[str, Any]


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
        self.filters = filters
        self.unless = unless
        self.passing = passing
        self._statements: dict[tuple[str, frozenset[str]], bytes] = {}

    async def find(self, connection: AsyncConnection[Any], wanted: F, limit: int, offset: int, counts: Counts) -> Found:
        """Return a page of records, newest first, with the exact count: both of one state of the read model.

        What it takes grows with what was changed since the same was asked before, not with the number of records.
        """
        asked = _Asked(
            connection, {name: value for name in self.filters if (value := getattr(wanted, name)) is not None}
        )
        if offset < DEEP:
            counted, summaries = await self._near(asked, counts.known(wanted), limit, offset)
            if counted is not None:
                return self._kept(counts, wanted, asked, counted, summaries)
        async with connection.transaction():
            await connection.execute(_SQL.freeze)
            counted, summaries = await self._near(asked, counts.known(wanted), limit if offset < DEEP else 0, offset)
            counted = counted or await self._whole(asked)
            if offset >= DEEP:
                summaries = await self._deep(asked, counted, limit, offset)
        return self._kept(counts, wanted, asked, counted, summaries)

    def _kept(self, counts: Counts, wanted: F, asked: "_Asked", counted: Counted, summaries: bytes) -> Found:
        if self.passing.isdisjoint(asked.filters):
            counts.keep(wanted, counted)
        return Found(counted.total, summaries)

    async def _near(self, asked: "_Asked", known: Counted, limit: int, offset: int) -> tuple[Counted | None, bytes]:
        """Return a page's summaries, and the known count brought up to now: None where that is too far away."""
        place = {"position": known.position, "generation": known.generation}
        row = await self._row("page", _SQL.page, asked, **place, limit=limit, offset=offset)
        position, near, blocks, numbers, summaries = row
        moved = zip(blocks, numbers, strict=True)
        return (known.moved(position, dict(moved)) if near else None), summaries or b""

    async def _whole(self, asked: "_Asked") -> Counted:
        """Count all that match."""
        row = await self._row("count", _SQL.count, asked)
        position, generation, blocks, numbers = row
        if position is None:
            position, generation = NOT_COUNTED.position, NOT_COUNTED.generation
        found = dict(zip(blocks, numbers, strict=True))
        return Counted(position, generation, found, sum(numbers))

    async def _deep(self, asked: "_Asked", counted: Counted, limit: int, offset: int) -> bytes:
        """Return the summaries of a page far behind: its place is found by the counts of the blocks in front of it."""
        below, rest = counted.place_of(offset)
        row = await self._row("deep", _SQL.deep, asked, below=below, limit=limit, offset=rest)
        return row[0] or b""

    async def _row(self, name: str, text: LiteralString, asked: "_Asked", **values: int) -> tuple[Any, ...]:
        statement = self._narrowed(name, text, frozenset(asked.filters))
        cursor = await asked.connection.execute(statement, {**asked.filters, **values}, prepare=True, binary=True)
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - each of these statements gives one row
        return tuple(row)

    async def one(self, connection: AsyncConnection[Any], codec: RecordCodec[R], number: int) -> R | None:
        """Return a record as its read model has it."""
        row = await (await connection.execute(self._one, (number,), prepare=True, binary=True)).fetchone()
        return codec.decode(row[0]) if row else None

    async def stream_of(self, connection: AsyncConnection[Any], number: str) -> UUID | None:
        """Return the stream of the record with a number such as `DEV-2026-0001`."""
        row = await (await connection.execute(self._stream_of, (number,), prepare=True, binary=True)).fetchone()
        return row[0] if row else None

    def _narrowed(self, name: str, text: LiteralString, given: frozenset[str]) -> bytes:
        """Return a statement for a set of filters: put together once for each set that comes up."""
        if (name, given) not in self._statements:
            conditions = [self.filters[one] for one in sorted(given)]
            conditions += [condition for one, condition in self.unless.items() if one not in given]
            filters = sql.SQL(" AND ").join(map(sql.SQL, conditions))
            parts = {
                "filters": filters,
                "name": self._table,
                "block": sql.Literal(counting.BLOCK),
                "few": sql.Literal(FEW),
            }
            self._statements[name, given] = self._statement(text, **parts)
        return self._statements[name, given]

    @cached_property
    def _one(self) -> bytes:
        return self._statement(_SQL.one)

    @cached_property
    def _stream_of(self) -> bytes:
        return self._statement(_SQL.stream_of)

    def _statement(self, text: LiteralString, **parts: Any) -> bytes:
        return sql.SQL(text).format(table=sql.Identifier(self._table), **parts).as_bytes()
