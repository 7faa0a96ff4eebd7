"""Replaying: every stream folded from its events again, and compared with the read models row by row."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from itertools import zip_longest
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection, sql

from audit.differences import Difference, Kind, differing
from domain.events import FACTS
from ledger.codec import Codec
from ledger.queries import queries
from projections.folding import Chunk, FoldFailed, fold_all, topics_of
from projections.read_model import ReadModel
from projections.registry import NAMES, read_models
from projections.sealed import sealed

_SQL = queries("audit", "replay")
_CHUNK_ROWS = 1000
#: More than anyone reads; a read model that is wrong throughout must still give a report.
_MOST = 100

#: Those of one stream, in their order.
Rows = list[dict[str, Any]]
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
        models = read_models(codec)
        total = sum(topics.get(topic, 0) for model in models for topic in topics_of(model.kinds))
        found = _Findings(lambda done: progress(done, total))
        positions = dict(await (await connection.execute(_SQL.positions)).fetchall())
        for model in models:
            await _Comparison(connection, codec, model, positions.get(model.name, 0), found).run()
    return ReplayReport(
        ok=not found.count,
        events=sum(topics.values()),
        streams=_streams(models, found.models),
        foreign={topic: count for topic, count in topics.items() if topic not in FACTS},
        models=tuple(found.models),
        differences=tuple(found.kept),
        found=found.count,
        seconds=time.monotonic() - begun,
    )


def _streams(models: Sequence[ReadModel[Any]], reports: Sequence[ModelReport]) -> int:
    """Return how many streams were folded: one that several read models fold is one stream."""
    return sum(
        report.streams
        for place, (model, report) in enumerate(zip(models, reports, strict=True))
        if not any(model.kinds < other.kinds for other in models)
        and not any(model.kinds == former.kinds for former in models[:place])
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
        model: ReadModel[Any],
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
        until = self._report.position
        beyond = await self._connection.execute(_SQL.beyond, (until, topics_of(self._model.kinds)))
        self._report.behind = sum(count for (count,) in await beyond.fetchall())
        folding, reading = fold_all(self._connection, self._codec, self._model, until), self._stored()
        async with aclosing(folding) as chunks, aclosing(reading) as stored:
            its = await anext(stored, None)
            try:
                async for chunk in chunks:
                    its = await self._compare(chunk, stored, its)
            except FoldFailed as failed:
                self._add(Kind.UNREADABLE, None, ledger=str(failed))
                return
            while its is not None:
                self._judge([], its)
                its = await anext(stored, None)

    async def _stored(self) -> AsyncGenerator[Rows, None]:
        """Yield the rows of each stream that has some."""
        its: Rows = []
        async with self._connection.cursor(f"rows_{self._model.name}", binary=True) as cursor:
            await cursor.execute(self._model.sql.rows)
            names = [column.name for column in cursor.description or ()]
            while rows := await cursor.fetchmany(_CHUNK_ROWS):
                for row in (dict(zip(names, row, strict=True)) for row in rows):
                    if its and its[0]["stream"] != row["stream"]:
                        yield its
                        its = []
                    its.append(row)
        if its:
            yield its

    async def _compare(self, chunk: Chunk[Any], stored: AsyncGenerator[Rows, None], its: Rows | None) -> Rows | None:
        """Compare a chunk of records with the rows up to its last stream; return those of the first stream after it."""
        records = {it.stream: it for it in chunk.records}
        last = chunk.records[-1].stream if chunk.records else None
        while its is not None and last is not None and its[0]["stream"] <= last:
            folded = records.pop(its[0]["stream"], None)
            self._judge(self._model.rows(folded.record, folded.position) if folded else [], its)
            its = await anext(stored, None)
        for folded in records.values():
            self._judge(self._model.rows(folded.record, folded.position), [])
        self._report.streams += len(chunk.records)
        self._report.events += chunk.events
        self._findings.moved(chunk.events)
        return its

    def _judge(self, expected: Rows, its: Rows) -> None:
        """Compare the rows that a stream should have with those that it has."""
        for ours, row in zip_longest(expected, its):
            if row is None:
                self._report.missing += 1
                self._add(Kind.MISSING, ours)
            elif ours is None:
                self._report.surplus += 1
                self._add(Kind.SURPLUS, row)
            else:
                self._differ(ours, row)

    def _differ(self, expected: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        differs = False
        for field, ledger, view in differing(expected, row):
            differs = True
            self._add(Kind.DIFFERS, expected, field=field, ledger=ledger, view=view)
        self._report.differing += differs

    def _add(self, kind: Kind, row: Mapping[str, Any] | None, **said: str) -> None:
        stream: UUID | None = row["stream"] if row else None
        record = self._model.named(row) if row else ""
        self._findings.add(Difference(read_model=self._model.name, kind=kind, stream=stream, record=record, **said))
