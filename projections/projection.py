"""A projection: one table of folded records with their ready answers, written set-wise."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, LiteralString, TypeVar

import msgspec
from psycopg import AsyncConnection

from domain.events import Recorded
from domain.workflow import Record, Workflow
from ledger.arrays import BytesColumn, Column, UuidColumn
from ledger.codec import Codec, RecordCodec
from ledger.queries import Queries
from projections.sealed import sealed

R = TypeVar("R", bound=Record)


class Projection(ABC, Generic[R]):
    """Keeps one row a record: the folded record itself (to go on folding), and what queries ask for."""

    name: str
    #: Statements: `table`, `indexes`, `records`, `rows`, `insert`, and `conflict`, which makes an upsert of `insert`.
    sql: ClassVar[Queries]
    #: The columns that `insert` takes, beside `record`, and how each is sent.
    columns: ClassVar[Mapping[str, Callable[[list[Any]], Column]]]

    def __init__(self, codec: Codec, workflow: Workflow[R], record: type[R]) -> None:
        """Fold with a workflow."""
        self.workflow = workflow
        self.kinds = frozenset({workflow.kind})
        self.records: RecordCodec[R] = sealed(codec).record(record)

    @abstractmethod
    def row(self, record: R, position: int) -> dict[str, Any]:
        """Return a record's values for `columns`."""

    @classmethod
    async def create(cls, connection: AsyncConnection[Any]) -> None:
        """Make the projection's table where it is not there yet, in the schema that the connection looks in."""
        await connection.execute(cls.sql.table)
        await cls.index(connection)

    @classmethod
    async def index(cls, connection: AsyncConnection[Any]) -> None:
        """Make the table's indexes where they are not there yet."""
        await connection.execute(cls.sql.indexes)

    async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
        """Fold the events into their records, and write each record that changed once."""
        by_stream: dict[Any, list[Recorded]] = defaultdict(list)
        for event in events:
            by_stream[event.stream].append(event)
        records = await self._load(connection, [stream for stream, its in by_stream.items() if its[0].version > 1])
        changed: list[tuple[R, int]] = []
        for stream, its in by_stream.items():
            record = records.get(stream)
            for event in its:
                record = self.workflow.evolve(record, event)
            assert record is not None  # noqa: S101 - folded from at least one event
            changed.append((record, its[-1].position))
        await self._write(connection, f"{self.sql.insert} {self.sql.conflict}", changed)

    async def insert(self, connection: AsyncConnection[Any], records: Sequence[tuple[R, int]]) -> None:
        """Add the rows of records that have none yet, each with the position of its last event."""
        if records:
            await self._write(connection, self.sql.insert, records)

    def batch(self, records: Sequence[tuple[R, int]]) -> dict[str, Column]:
        """Return the rows of records, column by column."""
        rows = [self.row(record, position) for record, position in records]
        columns = {name: column([row[name] for row in rows]) for name, column in self.columns.items()}
        return {**columns, "record": BytesColumn([self.records.encode(record) for record, _ in records])}

    async def committed(self) -> None:
        """Nothing is done outside the database."""

    async def _write(
        self, connection: AsyncConnection[Any], statement: LiteralString, records: Sequence[tuple[R, int]]
    ) -> None:
        await connection.execute(statement, self.batch(records), prepare=True)

    async def _load(self, connection: AsyncConnection[Any], streams: list[Any]) -> dict[Any, R]:
        if not streams:
            return {}
        cursor = await connection.execute(self.sql.records, (UuidColumn(streams),), prepare=True, binary=True)
        return {stream: self.records.decode(record) for stream, record in await cursor.fetchall()}


def ready(value: object) -> bytes:
    """Return the JSON that an answer is joined from."""
    return msgspec.json.encode(value)
