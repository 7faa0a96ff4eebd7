"""Folding all streams of a read model at once, in the order of streams: each record is made once, none is kept."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from psycopg import AsyncConnection, AsyncServerCursor

from domain.events import FACTS, Recorded
from ledger.codec import Codec
from ledger.queries import queries
from projections.read_model import ReadModel

R = TypeVar("R")

_SQL = queries("projections", "folding")
_CHUNK_ROWS = 2000


class FoldFailed(Exception):
    """An event can not be taken; says which, or between which two, and why."""

    def __init__(self, position: int, error: Exception, last: int | None = None) -> None:
        """Name the event by its position."""
        where = f"position {position}" if last in (None, position) else f"positions {position} to {last}"
        super().__init__(f"{where}: {type(error).__name__}: {error}")
        self.position = position


class Folded(NamedTuple, Generic[R]):
    """A stream's record, the position of its last event, and the stream itself."""

    record: R
    position: int
    stream: UUID


class Chunk(NamedTuple, Generic[R]):
    """The records whose last event was read, and how many events were since the last chunk."""

    records: list[Folded[R]]
    events: int


def topics_of(kinds: Iterable[str]) -> list[str]:
    """Return the topics of the facts of some kinds."""
    wanted = frozenset(kinds)
    return [topic for topic, fact in FACTS.items() if fact.kind in wanted]


async def fold_all(
    connection: AsyncConnection[Any], codec: Codec, model: ReadModel[R], until: int
) -> AsyncGenerator[Chunk[R], None]:
    """Yield the records of a read model as they were at a position, by stream.

    In a transaction of the caller's, which says what is seen. Memory is that of two chunks, whatever the number or
    length of streams; the server sorts, on its disk where it must. Close it where it is not read to its end. Raises
    FoldFailed.
    """
    fold = _Fold(codec, model)
    async with connection.cursor(f"fold_{model.name}", binary=True) as cursor:
        await cursor.execute(_SQL.in_order_of_streams, (topics_of(model.kinds), until))
        async with aclosing(_chunks(cursor)) as chunks:
            async for rows in chunks:
                yield Chunk(fold.take(rows), len(rows))
    yield Chunk(fold.end(), 0)


async def _chunks(cursor: AsyncServerCursor[Any]) -> AsyncGenerator[list[tuple[Any, ...]], None]:
    """Yield rows in chunks, the next of which the server prepares while one is worked on: a quarter of the time."""
    coming = asyncio.create_task(cursor.fetchmany(_CHUNK_ROWS))
    try:
        while rows := await coming:
            coming = asyncio.create_task(cursor.fetchmany(_CHUNK_ROWS))
            await asyncio.sleep(0)  # So that it is on its way.
            yield rows
    finally:
        await asyncio.gather(coming, return_exceptions=True)


class _Fold(Generic[R]):
    """The stream that is being folded; rows come as the database gives them."""

    def __init__(self, codec: Codec, model: ReadModel[R]) -> None:
        self._decode = codec.decode
        self._evolve = model.evolve
        self._record: R | None = None
        self._stream: UUID | None = None
        self._position = 0

    def take(self, rows: list[tuple[Any, ...]]) -> list[Folded[R]]:
        """Fold events; return the records of the streams that are over."""
        done: list[Folded[R]] = []
        decode, evolve = self._decode, self._evolve
        position = 0
        try:
            for position, stream, version, topic, state, at in rows:
                event = decode(topic, state)
                if event is None:
                    continue
                if stream != self._stream:
                    done += self.end()
                    self._stream = stream
                self._record = evolve(self._record, Recorded(position, stream, version, at, event))
                self._position = position
        except Exception as error:
            raise FoldFailed(position, error) from error
        return done

    def end(self) -> list[Folded[R]]:
        """Return the record of the last stream, if any."""
        record, self._record = self._record, None
        if record is None or self._stream is None:
            return []
        return [Folded(record, self._position, self._stream)]
