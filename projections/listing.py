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
_MOST_COUNTS = 200
#: So many ids are counted together: each change costs the counting of one block.
_BLOCK = 512
#: Past so many events since a count, all is counted again.
_FEW = 1000
#: From here on a page's place is found by the counts, not by passing over all that is in front of it.
_DEEP = 2 * _BLOCK


class Found(NamedTuple):
    """A page: the exact count of all that match, and the ready JSON of the page's, joined with commas."""

    total: int
    summaries: bytes


class Counted(NamedTuple):
    """How many records of each block of ids match, and the read model's position and generation at that time."""

    position: int
    generation: int
    blocks: dict[int, int]
    total: int

    def begin_of(self, offset: int) -> tuple[int, int]:
        """Return the id below which what follows the first `offset`, newest first, lies, and how many to pass yet."""
        for block in sorted(self.blocks, reverse=True):
            if offset < self.blocks[block]:
                return (block + 1) * _BLOCK, offset
            offset -= self.blocks[block]
        return 0, offset


_NOT_COUNTED = Counted(-1, -1, {}, 0)


class Counts:
    """Counts of filtered lists: what was counted at one position is brought up to another by what moved between."""

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
        self._statements: dict[tuple[str, frozenset[str]], bytes] = {}

    async def find(self, connection: AsyncConnection[Any], wanted: F, limit: int, offset: int, counts: Counts) -> Found:
        """Return a page of records, newest first, with the exact count: both of one state of the read model.

        What it takes grows with what was changed since the same was asked before, not with the number of records.
        """
        given = {name: value for name in self._filters if (value := getattr(wanted, name)) is not None}
        if offset < _DEEP:
            counted, summaries = await self._counted(connection, wanted, given, limit, offset, counts)
            return Found(counted.total, summaries)
        async with connection.transaction():
            await connection.execute(_SQL.freeze)
            counted, _ = await self._counted(connection, wanted, given, 0, 0, counts)
            below, rest = counted.begin_of(offset)
            values = {**given, "below": below, "limit": limit, "offset": rest}
            statement = self._narrowed("deep", _SQL.deep, frozenset(given))
            row = await (await connection.execute(statement, values, prepare=True, binary=True)).fetchone()
        return Found(counted.total, row[0] or b"" if row else b"")

    async def _counted(
        self,
        connection: AsyncConnection[Any],
        wanted: F,
        given: Mapping[str, Any],
        limit: int,
        offset: int,
        counts: Counts,
    ) -> tuple[Counted, bytes]:
        """Return how many match, block by block, and a page's summaries."""
        known = counts.known(wanted)
        place = {"position": known.position, "generation": known.generation}
        values = {**given, **place, "limit": limit, "offset": offset}
        statement = self._narrowed("page", _SQL.page, frozenset(given))
        row = await (await connection.execute(statement, values, prepare=True, binary=True)).fetchone()
        assert row is not None  # noqa: S101 - the statement gives one row
        position, generation, near, blocks, numbers, summaries = row
        found = {**(known.blocks if near else {}), **dict(zip(blocks, numbers, strict=True))}
        if not near or blocks:
            known = Counted(position, generation, found, sum(found.values()))
        else:
            known = known._replace(position=position)
        if position is not None and self._passing.isdisjoint(given):
            counts.keep(wanted, known)
        return known, summaries or b""

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
            conditions = [self._filters[one] for one in sorted(given)]
            conditions += [condition for one, condition in self._unless.items() if one not in given]
            filters = sql.SQL(" AND ").join(map(sql.SQL, conditions))
            parts = {"filters": filters, "name": self._table, "block": sql.Literal(_BLOCK), "few": sql.Literal(_FEW)}
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
