"""A page of a list as it was: the read model of versions says of which records, their own events what they were."""

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection, sql

from domain.workflow import Record, Workflow
from ledger.codec import Codec
from ledger.queries import queries
from ledger.rows import Row, microseconds
from projections.projection import ready

R = TypeVar("R", bound=Record)
F = TypeVar("F", bound=Struct)

_SQL = queries("projections", "past")
_MOST_COUNTS = 1000
#: The position of a count that no later event can change.
_SETTLED = 2**63 - 1


class PastPage(NamedTuple):
    """A page: the exact count of all that match, and the ready JSON of the page's, joined with commas."""

    total: int
    summaries: bytes


class _Counted(NamedTuple):
    """A total, up to which position it holds, and in which generation of the read model."""

    position: int
    generation: int
    total: int


_NOT_COUNTED = _Counted(-1, -1, 0)


class PastCounts:
    """Counts of lists as they were: each is good for ever once the ledger has passed its moment."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[Hashable, _Counted] = {}

    def known(self, asked: Hashable) -> _Counted:
        """Return what was counted, or a count that holds nowhere."""
        return self._kept.get(asked, _NOT_COUNTED)

    def keep(self, asked: Hashable, counted: _Counted) -> None:
        """Keep a count, in the place of the oldest where there are many."""
        self._kept.pop(asked, None)
        if len(self._kept) >= _MOST_COUNTS:
            del self._kept[next(iter(self._kept))]
        self._kept[asked] = counted


class PastListing(Generic[F, R]):
    """Lists of one kind of records as they were, narrowed by the very filters of its present lists."""

    def __init__(
        self,
        flow: Workflow[R],
        summary: Callable[[R], Struct],
        filters: Mapping[str, LiteralString],
        unless: Mapping[str, LiteralString],
    ) -> None:
        """Show what `summary` makes of a record; `filters`, `unless`: see `Listing`."""
        self._flow = flow
        self._summary = summary
        self._filters = filters
        self._unless = unless
        self._pages: dict[frozenset[str], bytes] = {}

    async def find(
        self,
        connection: AsyncConnection[Any],
        codec: Codec,
        wanted: F,
        before: datetime,
        limit: int,
        offset: int,
        counts: PastCounts,
    ) -> PastPage:
        """Return a page as it was just before a moment, newest first, with the exact count: one statement."""
        given = {name: value for name in self._filters if (value := getattr(wanted, name)) is not None}
        known = counts.known(asked := (self._flow.kind, wanted, before))
        place = {"position": known.position, "generation": known.generation, "limit": limit, "offset": offset}
        values = {**given, **place, "kind": self._flow.kind, "before": before, "moment": microseconds(before)}
        cursor = await connection.execute(self._page(frozenset(given)), values, prepare=True, binary=True)
        rows = await cursor.fetchall()
        position, generation, settled, total = rows[0][:4]
        if total is None:
            total = known.total
        elif position is not None:
            counts.keep(asked, _Counted(_SETTLED if settled else position, generation, total))
        return PastPage(total, self._summaries(codec, [Row(*row[4:]) for row in rows if row[4] is not None]))

    def _summaries(self, codec: Codec, rows: list[Row]) -> bytes:
        """Return the ready JSON of the records that events make, in the order in which they come."""
        records: dict[UUID, R] = {}
        for event in codec.recorded(rows):
            records[event.stream] = self._flow.evolve(records.get(event.stream), event)
        return b",".join(ready(self._summary(record)) for record in records.values())

    def _page(self, given: frozenset[str]) -> bytes:
        """Return the statement for a set of filters: put together once for each set that comes up."""
        if given not in self._pages:
            conditions = [self._filters[name] for name in sorted(given)]
            conditions += [condition for name, condition in self._unless.items() if name not in given]
            filters = sql.SQL(" AND ").join(map(sql.SQL, conditions))
            self._pages[given] = sql.SQL(_SQL.page).format(filters=filters).as_bytes()
        return self._pages[given]
