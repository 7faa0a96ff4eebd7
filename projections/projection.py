"""A projection: a read model of folded records with their ready answers, one row each."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from domain.events import Recorded
from domain.workflow import Record, Workflow
from ledger.arrays import BytesColumn, LongColumn, UuidColumn
from ledger.codec import Codec, RecordCodec
from projections.read_model import Columns, ReadModel
from projections.sealed import sealed


class Numbered(Record, Protocol):
    """A record with an id of its kind."""

    @property
    def id(self) -> int: ...  # noqa: D102


R = TypeVar("R", bound=Numbered)


class Projection(ReadModel[R]):
    """Keeps one row a record: the folded record itself (to go on folding), and what queries ask for."""

    workflow: ClassVar[Workflow[Any]]
    #: The record's struct, and those of the ready answers in its row.
    folded: ClassVar[type[Any]]
    answers: ClassVar[tuple[type[Any], ...]] = ()
    #: The columns that `insert` takes beside those of every record, and how each is sent.
    columns: ClassVar[Columns]

    _COMMON: ClassVar[Columns] = {
        "id": LongColumn,
        "stream": UuidColumn,
        "version": LongColumn,
        "position": LongColumn,
    }

    def __init__(self, codec: Codec) -> None:
        """Fold with the workflow; nobody's personal data is opened."""
        self.kinds = frozenset({self.workflow.kind})
        self.records: RecordCodec[R] = sealed(codec).record(self.folded)
        self.sent = {**self._COMMON, **self.columns, "record": BytesColumn}

    @abstractmethod
    def found_by(self, record: R) -> dict[str, Any]:
        """Return a record's values for `columns`."""

    @classmethod
    def encoded(cls) -> tuple[type[Any], ...]:
        """Return the record's struct, and those of the answers."""
        return (cls.folded, *cls.answers)

    def evolve(self, record: R | None, recorded: Recorded) -> R:
        """Fold one event into a record, as the workflow says."""
        folded: R = self.workflow.evolve(record, recorded)
        return folded

    def rows(self, record: R, position: int) -> list[dict[str, Any]]:
        """Return a record's row; `position` is that of its last event."""
        common = {"id": record.id, "stream": record.stream, "version": record.version, "position": position}
        return [{**common, **self.found_by(record), "record": self.records.encode(record)}]

    def named(self, row: Mapping[str, Any]) -> str:
        """Return what the record of a row is called: `deviation/1`."""
        return f"{self.workflow.kind}/{row['id']}"

    async def load(self, connection: AsyncConnection[Any], streams: list[UUID]) -> dict[UUID, R]:
        """Return the records of streams, to go on folding."""
        cursor = await connection.execute(self.sql.records, (UuidColumn(streams),), prepare=True, binary=True)
        return {stream: self.records.decode(record) for stream, record in await cursor.fetchall()}


def ready(value: object) -> bytes:
    """Return the JSON that an answer is joined from."""
    return msgspec.json.encode(value)
