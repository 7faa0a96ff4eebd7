"""A read model: a table that is made of the ledger's events and nothing else, written set-wise."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, LiteralString, TypeVar
from uuid import UUID

from psycopg import AsyncConnection, sql

from domain.events import Recorded
from ledger.arrays import Column
from ledger.queries import Queries, queries
from projections.form import digest

_SQL = queries("projections", "registry")

R = TypeVar("R")
Columns = Mapping[str, Callable[[list[Any]], Column]]
Rows = list[dict[str, Any]]


class ReadModel(ABC, Generic[R]):
    """Keeps one or several rows a record: enough to go on folding, and what queries ask for."""

    name: str
    #: Kinds of records whose facts it takes.
    kinds: frozenset[str]
    #: Statements: `table`, `indexes`, `records`, `rows`, `insert`, and `conflict`, which makes an upsert of `insert`.
    #: `rows` gives every row as `insert` takes it, by stream, those of one stream in the order in which they are made.
    sql: ClassVar[Queries]
    #: The columns that `insert` takes, and how each is sent.
    sent: Columns
    #: Raised where columns and structs stay, and rows hold something else than before all the same.
    edition: ClassVar[int] = 1
    #: Whether a runner of its own keeps it up, so that nobody who waits for another read model waits for it.
    apart: ClassVar[bool] = False

    @abstractmethod
    def evolve(self, record: R | None, recorded: Recorded) -> R:
        """Fold one event into a record. Total, but for a record that does not begin with its creation."""

    @abstractmethod
    def rows(self, record: R, position: int) -> Rows:
        """Return a record's rows, `position` being that of its last event. A record never loses a row."""

    @abstractmethod
    def named(self, row: Mapping[str, Any]) -> str:
        """Return what the record of a row is called: `deviation/1`."""

    @abstractmethod
    async def load(self, connection: AsyncConnection[Any], streams: list[UUID]) -> dict[UUID, R]:
        """Return the records of streams, to go on folding."""

    @classmethod
    def encoded(cls) -> tuple[type[Any], ...]:
        """Return the structs that rows hold encoded."""
        return ()

    @classmethod
    def form(cls) -> str:
        """Return a digest of what a row of this version is: a table of another form is rebuilt."""
        return digest((cls.sql.table, cls.sql.indexes), cls.encoded(), cls.edition)

    @classmethod
    async def fits(cls, connection: AsyncConnection[Any]) -> bool:
        """Tell whether the live table is there, and of this version's form."""
        return (await forms(connection)).get(cls.name) == cls.form()

    @classmethod
    async def create(cls, connection: AsyncConnection[Any]) -> None:
        """Make the table where it is not there yet, in the schema that the connection looks in.

        Its indexes are made apart: a rebuild makes them once the table is filled.
        """
        await connection.execute(cls.sql.table)
        await connection.execute(sql.SQL(_SQL.mark).format(table=sql.Identifier(cls.name), form=cls.form()))

    @classmethod
    async def index(cls, connection: AsyncConnection[Any]) -> None:
        """Make the table's indexes where they are not there yet."""
        await connection.execute(cls.sql.indexes)

    async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
        """Fold the events into their records, and write each row that changed once."""
        by_stream: dict[UUID, list[Recorded]] = defaultdict(list)
        for event in events:
            by_stream[event.stream].append(event)
        begun = [stream for stream, its in by_stream.items() if its[0].version > 1]
        records = await self.load(connection, begun) if begun else {}
        changed: Rows = []
        for stream, its in by_stream.items():
            before = record = records.get(stream)
            for event in its:
                record = self.evolve(record, event)
            assert record is not None  # noqa: S101 - folded from at least one event
            changed += self.changed(before, record, its[-1].position)
        await self._write(connection, f"{self.sql.insert} {self.sql.conflict}", changed)

    async def insert(self, connection: AsyncConnection[Any], records: Sequence[tuple[R, int]]) -> None:
        """Add the rows of records that have none yet, each with the position of its last event."""
        rows = [row for record, position in records for row in self.rows(record, position)]
        await self._write(connection, self.sql.insert, rows)

    def changed(self, before: R | None, record: R, position: int) -> Rows:  # noqa: ARG002 - for those of several rows
        """Return the rows of a record that are others than before, and perhaps more of them."""
        return self.rows(record, position)

    async def committed(self) -> None:
        """Nothing is done outside the database."""

    async def _write(self, connection: AsyncConnection[Any], statement: LiteralString, rows: Rows) -> None:
        if rows:
            columns = {name: column([row[name] for row in rows]) for name, column in self.sent.items()}
            await connection.execute(statement, columns, prepare=True)


async def forms(connection: AsyncConnection[Any]) -> dict[str, str]:
    """Return the form of each live table, by name; "" of one that bears none."""
    return dict(await (await connection.execute(_SQL.forms)).fetchall())
