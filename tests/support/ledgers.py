"""Appending to a ledger from tests."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from uuid import UUID, uuid4

from psycopg import AsyncConnection

from ledger.append import Allotment, Append, Plan, Proposed, Statement
from ledger.thread import WriterThread
from ledger.writer import Writer


def proposed(
    stream: UUID | None = None, version: int = 1, topic: str = "test.happened", state: bytes = b"{}"
) -> Proposed:
    """Return an event; on a stream of its own unless one is named."""
    return Proposed(stream or uuid4(), version, topic, state)


def append_of(*events: Proposed, statements: Sequence[Statement] = (), strict: bool = True) -> Append:
    """Return an append of events that expects each to be its stream's next. Needs a running loop."""

    def plan(_: Allotment) -> Plan:
        return Plan(events, statements)

    return Append(plan, [(event.stream, event.version) for event in events], strict)


@asynccontextmanager
async def writer_on(dsn: str) -> AsyncIterator[Writer]:
    """Lend a writer on a database."""

    async def connect() -> AsyncConnection[tuple[object, ...]]:
        return await AsyncConnection.connect(dsn, autocommit=True)

    writer = Writer(connect)
    try:
        yield writer
    finally:
        await writer.close()


@contextmanager
def thread_on(dsn: str) -> Iterator[WriterThread]:
    """Lend a writer to a caller without a loop."""

    async def connect() -> AsyncConnection[tuple[object, ...]]:
        return await AsyncConnection.connect(dsn, autocommit=True)

    thread = WriterThread(connect)
    try:
        yield thread
    finally:
        thread.close()


def fill(dsn: str, *batches: int) -> None:
    """Add so many events in each of so many transactions."""
    with thread_on(dsn) as thread:
        for count in batches:
            events = [proposed(state=b'{"number":%d}' % number) for number in range(count)]
            thread.append(partial(_plan, events), (), strict=True)


def _plan(events: Sequence[Proposed], _: Allotment) -> Plan:
    return Plan(events)
