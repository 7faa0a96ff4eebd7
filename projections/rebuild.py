"""Rebuilding read models beside the live ones, and swapping at the end; nobody is stopped for it.

The ledger is folded in the order of streams, so that each row is written once and no record is held; what was appended
meanwhile is then applied as a live projection applies it. Only the swap itself takes locks: of the projection's
position, for which the running projector waits, then of the live table, for which readers wait some milliseconds.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, LiteralString

import msgspec
import psycopg
from msgspec import Struct
from psycopg import AsyncConnection, sql

from ledger.codec import Codec
from ledger.connect import connect
from ledger.queries import queries
from ledger.read import head_size, read_after
from projections.consumer import channel
from projections.folding import FoldFailed, fold_all, topics_of
from projections.read_model import ReadModel
from projections.registry import chosen
from projections.sealed import sealed

_SQL = queries("projections", "rebuild")
_RUNNER = queries("projections", "runner")
_NEXT = "views_next"
_BATCH = 2000
#: How long another rebuild, or a worker, is waited for: one that was killed may take a moment to be gone.
_OTHER = "3s"
#: Readers that come after us wait as long as we wait for those before us: short, and often.
_READERS = "100ms"
_PAUSE_SECONDS = 0.5

#: Called with the events done so far, of all read models together, and how many there are to be.
Progress = Callable[[int, int], None]


class RebuildRefused(Exception):
    """The rebuild can not be done now; says why. The live read models are as they were."""


class Rebuilt(Struct, frozen=True, kw_only=True):
    """A read model that was rebuilt: from how many events, up to which position, in how many seconds."""

    name: str
    events: int
    position: int
    generation: int
    seconds: float


async def rebuild(
    url: str,
    codec: Codec,
    names: Sequence[str] | None = None,
    progress: Progress = lambda done, total: None,
    *,
    swap_seconds: float = 600.0,
) -> list[Rebuilt]:
    """Rebuild the read models named, or all, one after the other; each is live as soon as it is done.

    Memory does not grow with the ledger. Raises LookupError for a name that there is none of; RebuildRefused where
    another rebuild is under way, where workers are at work on a table of another form, or the live table was in use
    without a break for `swap_seconds`; FoldFailed where an event can't be taken. Whatever is raised, and if the process
    is killed: a read model is the old one or the new one.
    """
    models = chosen(codec, names)
    async with _beside(url) as (reader, writer):
        await _keep_off(writer, models)
        done, rebuilt = 0, list[Rebuilt]()
        total = await _count(reader, models)
        for model in models:

            def report(events: int, before: int = done) -> None:
                progress(before + events, max(total, before + events))  # More are appended while we count.

            rebuilt.append(await _Rebuild(reader, writer, sealed(codec), model, report).run(swap_seconds))
            done += rebuilt[-1].events
        return rebuilt


@asynccontextmanager
async def _beside(url: str) -> AsyncIterator[tuple[AsyncConnection[Any], AsyncConnection[Any]]]:
    """Have a connection that reads and one that writes beside the live tables, alone in the database at doing so."""
    reader = await connect(url, "rebuild reader")
    writer = await connect(url, "rebuild", schema=_NEXT)
    try:
        await _hold(writer, _SQL.lock, (), "Another rebuild is under way.")
        await writer.execute(_SQL.quick)
        for (table,) in await (await writer.execute(_SQL.left)).fetchall():
            await writer.execute(sql.SQL(_SQL.drop).format(table=sql.Identifier(table)))
        yield reader, writer
    finally:
        await writer.close()
        await reader.close()


async def _keep_off(writer: AsyncConnection[Any], models: Sequence[ReadModel[Any]]) -> None:
    """Let nobody lead those whose table has another form: rows of an earlier version would come into the new table."""
    for model in models:
        if not await model.fits(writer):
            why = f"The read model {model.name} takes another form; stop the workers of the earlier version first."
            await _hold(writer, _SQL.keep_off, (model.name,), why)


async def _hold(writer: AsyncConnection[Any], lock: LiteralString, values: Sequence[str], refusal: str) -> None:
    """Hold a lock for as long as the connection lives. Raises RebuildRefused where somebody else goes on holding it."""
    try:
        await writer.execute(_SQL.patience, (_OTHER, False))
        await writer.execute(lock, values)
    except psycopg.errors.LockNotAvailable:
        raise RebuildRefused(refusal) from None
    await writer.execute(_SQL.patience, ("0", False))


async def _count(reader: AsyncConnection[Any], models: Sequence[ReadModel[Any]]) -> int:
    """Return how many events there are to take; one that several read models take is taken by each."""
    taken = [topic for model in models for topic in topics_of(model.kinds)]
    counts = dict(await (await reader.execute(_SQL.count, (taken,))).fetchall())
    return sum(counts.get(topic, 0) for topic in taken)


class _Rebuild:
    """The rebuild of one read model."""

    def __init__(
        self,
        reader: AsyncConnection[Any],
        writer: AsyncConnection[Any],
        codec: Codec,
        model: ReadModel[Any],
        progress: Callable[[int], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._codec = codec
        self._model = model
        self._progress = progress
        self._topics = frozenset(topics_of(model.kinds))
        self._events = 0
        self._position = 0

    async def run(self, swap_seconds: float) -> Rebuilt:
        """Load, catch up, swap."""
        begun = time.monotonic()
        await self._load()
        await self._model.index(self._writer)
        await self._writer.execute(self._of_table(_SQL.tidy))
        while await self._catch_up(None) == _BATCH:
            pass
        generation = await self._swap_in_time(swap_seconds)
        return Rebuilt(
            name=self._model.name,
            events=self._events,
            position=self._position,
            generation=generation,
            seconds=time.monotonic() - begun,
        )

    async def _load(self) -> None:
        await self._model.create(self._writer)
        async with self._reader.transaction():
            await self._reader.execute(_SQL.freeze)
            self._position = await head_size(self._reader)
            async with aclosing(fold_all(self._reader, self._codec, self._model, self._position)) as chunks:
                async for chunk in chunks:
                    await self._model.insert(self._writer, [(it.record, it.position) for it in chunk.records])
                    self._moved(chunk.events)

    async def _catch_up(self, until: int | None) -> int:
        """Apply a batch of what came meanwhile; return how many events of any kind that took."""
        rows = await read_after(self._writer, self._position, _BATCH if until is None else until - self._position)
        its = [row for row in rows if row.topic in self._topics]
        try:
            if its:
                async with self._writer.transaction():
                    await self._model.apply(self._writer, self._codec.recorded(its))
        except (AssertionError, msgspec.DecodeError) as error:
            raise FoldFailed(its[0].position, error, its[-1].position) from error
        if rows:
            self._position = rows[-1].position
            self._moved(len(its))
        return len(rows)

    async def _swap_in_time(self, seconds: float) -> int:
        until = time.monotonic() + seconds
        while True:
            try:
                return await self._swap()
            except psycopg.errors.LockNotAvailable:
                if time.monotonic() > until:
                    raise RebuildRefused(f"The table {self._model.name} is in use without a break.") from None
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _swap(self) -> int:
        """Swap in one transaction, unless somebody reads the live table for long; return the new generation."""
        writer, name = self._writer, self._model.name
        here = self._position, self._events
        try:
            async with writer.transaction():
                await writer.execute(_SQL.durable)
                await writer.execute(_RUNNER.enter, (name,))
                row = await (await writer.execute(_RUNNER.lock, ([name],))).fetchone()
                live = row[1] if row else 0
                while self._position < live and await self._catch_up(min(live, self._position + _BATCH)):
                    pass
                await writer.execute(_SQL.patience, (_READERS, True))
                await writer.execute(self._of_table(_SQL.swap))
                row = await (await writer.execute(_SQL.arrive, (self._position, name))).fetchone()
                await writer.execute(_RUNNER.tell, (channel(name), str(self._position)))
        except BaseException:
            self._position, self._events = here  # What was caught up in the transaction went with it.
            raise
        return row[0] if row else 0

    def _of_table(self, statement: str) -> sql.Composed:
        return sql.SQL(statement).format(table=sql.Identifier(self._model.name))

    def _moved(self, events: int) -> None:
        self._events += events
        self._progress(self._events)
