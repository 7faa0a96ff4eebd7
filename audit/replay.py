"""Replaying: every stream folded from its events again, and compared with the read models row by row."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection, sql

from audit.differences import Difference, Kind, differing
from domain.events import FACTS
from ledger.codec import Codec
from ledger.queries import queries
from projections.folding import Chunk, FoldFailed, fold_all, topics_of
from projections.projection import Projection
from projections.registry import NAMES, read_models
from projections.sealed import sealed

_SQL = queries("audit", "replay")
_CHUNK_ROWS = 1000
#: More than anyone reads; a read model that is wrong throughout must still give a report.
_MOST = 100

#: Called with the events folded so far, and how many there are to be.
Progress = Callable[[int, int], None]


class ModelReport(Struct, kw_only=True):
    """What was found of one read model, at the position that it has passed.

    behind: events that it has not passed yet; they were left out. differing, missing, surplus: rows.
    """

    name: str
    position: int
    behind: int
    events: int = 0
    streams: int = 0
    differing: int = 0
    missing: int = 0
    surplus: int = 0


class ReplayReport(Struct, frozen=True, kw_only=True):
    """The answer of `replay`.

    events: of the whole ledger. streams: those folded. foreign: events whose names are not ours, by name; passed over.
    differences: the first hundred; `found` says how many there were.
    """

    ok: bool
    events: int
    streams: int
    foreign: dict[str, int]
    models: tuple[ModelReport, ...]
    differences: tuple[Difference, ...]
    found: int
    seconds: float

    @property
    def events_per_second(self) -> float:
        """Return how fast it went."""
        return sum(model.events for model in self.models) / self.seconds if self.seconds else 0.0


async def replay(
    connection: AsyncConnection[Any], codec: Codec, progress: Progress = lambda done, total: None
) -> ReplayReport:
    """Fold every stream and compare with the read models: the record, its ready JSON, what it is found by.

    connection: finds the read models, and is in no transaction. What is compared is one state of the database, while
    appends go on; a rebuild can not swap meanwhile. Memory does not grow with the ledger. Raises psycopg.Error where
    the database can't be read.
    """
    begun = time.monotonic()
    async with connection.transaction():
        await connection.execute(_SQL.freeze)
        tables = sql.SQL(", ").join(map(sql.Identifier, NAMES))
        await connection.execute(sql.SQL(_SQL.hold).format(tables=tables))
        topics = dict(await (await connection.execute(_SQL.topics)).fetchall())
        found = _Findings(lambda done: progress(done, sum(topics.get(topic, 0) for topic in FACTS)))
        positions = dict(await (await connection.execute(_SQL.positions)).fetchall())
        for model in read_models(codec):
            await _Comparison(connection, codec, model, positions.get(model.name, 0), found).run()
    return ReplayReport(
        ok=not found.count,
        events=sum(topics.values()),
        streams=sum(model.streams for model in found.models),
        foreign={topic: count for topic, count in topics.items() if topic not in FACTS},
        models=tuple(found.models),
        differences=tuple(found.kept),
        found=found.count,
        seconds=time.monotonic() - begun,
    )


class _Findings:
    """What was found so far, of all read models."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self.models: list[ModelReport] = []
        self.kept: list[Difference] = []
        self.count = 0
        self._events = 0
        self._progress = progress

    def add(self, difference: Difference) -> None:
        self.count += 1
        if len(self.kept) < _MOST:
            self.kept.append(difference)

    def moved(self, events: int) -> None:
        self._events += events
        self._progress(self._events)


class _Comparison:
    """One read model beside the ledger, both read in the order of streams."""

    def __init__(
        self,
        connection: AsyncConnection[Any],
        codec: Codec,
        model: Projection[Any],
        position: int,
        findings: _Findings,
    ) -> None:
        self._connection = connection
        self._codec = sealed(codec)
        self._model = model
        self._findings = findings
        self._report = ModelReport(name=model.name, position=position, behind=0)
        findings.models.append(self._report)

    async def run(self) -> None:
        """Compare all there is; an event that can't be folded ends it, and is told."""
        flow, until = self._model.workflow, self._report.position
        beyond = await self._connection.execute(_SQL.beyond, (until, topics_of([flow.kind])))
        self._report.behind = sum(count for (count,) in await beyond.fetchall())
        folding, reading = fold_all(self._connection, self._codec, flow, until), self._rows()
        async with aclosing(folding) as chunks, aclosing(reading) as rows:
            row = await anext(rows, None)
            try:
                async for chunk in chunks:
                    row = await self._compare(chunk, rows, row)
            except FoldFailed as failed:
                self._add(Kind.UNREADABLE, None, ledger=str(failed))
                return
            while row is not None:
                self._surplus(row)
                row = await anext(rows, None)

    async def _rows(self) -> AsyncGenerator[dict[str, Any], None]:
        async with self._connection.cursor(f"rows_{self._model.name}", binary=True) as cursor:
            await cursor.execute(self._model.sql.rows)
            names = [column.name for column in cursor.description or ()]
            while rows := await cursor.fetchmany(_CHUNK_ROWS):
                for row in rows:
                    yield dict(zip(names, row, strict=True))

    async def _compare(
        self, chunk: Chunk[Any], rows: AsyncGenerator[dict[str, Any], None], row: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """Compare a chunk of records with the rows up to its last stream; return the first row after that."""
        records = {it.stream: it for it in chunk.records}
        last = chunk.records[-1].stream if chunk.records else None
        while row is not None and last is not None and row["stream"] <= last:
            folded = records.pop(row["stream"], None)
            if folded is None:
                self._surplus(row)
            else:
                expected = self._model.row(folded.record, folded.position)
                self._judge(expected | {"record": self._model.records.encode(folded.record)}, row)
            row = await anext(rows, None)
        for folded in records.values():
            self._report.missing += 1
            self._add(Kind.MISSING, self._model.row(folded.record, folded.position))
        self._report.streams += len(chunk.records)
        self._report.events += chunk.events
        self._findings.moved(chunk.events)
        return row

    def _judge(self, expected: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        differs = False
        for field, ledger, view in differing(expected, row):
            differs = True
            self._add(Kind.DIFFERS, expected, field=field, ledger=ledger, view=view)
        self._report.differing += differs

    def _surplus(self, row: Mapping[str, Any]) -> None:
        self._report.surplus += 1
        self._add(Kind.SURPLUS, row)

    def _add(self, kind: Kind, row: Mapping[str, Any] | None, **said: str) -> None:
        stream: UUID | None = row["stream"] if row else None
        record = f"{self._model.workflow.kind}/{row['id']}" if row else ""
        self._findings.add(Difference(read_model=self._model.name, kind=kind, stream=stream, record=record, **said))
