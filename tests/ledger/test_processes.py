"""Several processes append at once; a reader at the tail misses nothing."""

import asyncio
import multiprocessing
import time
from datetime import UTC, datetime

import psycopg

from ledger.writer import Writer
from tests.support.database import Database
from tests.support.ledgers import append_of, proposed, writer_on

PROCESSES = 3
CALLERS = 4
APPENDS = 60


def appending(dsn: str) -> None:
    """Append from several callers of one process, some appends of one event and some of three."""

    async def caller(writer: Writer) -> None:
        for number in range(APPENDS):
            await writer.append(append_of(*(proposed() for _ in range(1 + number % 3))))

    async def run() -> None:
        async with writer_on(dsn) as writer:
            await asyncio.gather(*(caller(writer) for _ in range(CALLERS)))

    asyncio.run(run())


def test_a_reader_at_the_tail_misses_nothing(database: Database) -> None:
    """Who has read up to a position and asks for what comes after is given every event, once, in their order."""
    total = PROCESSES * CALLERS * (APPENDS // 3) * (1 + 2 + 3)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=appending, args=(database.app_dsn,)) for _ in range(PROCESSES)]
    for writer in writers:
        writer.start()
    read, latest, looks = 0, datetime.min.replace(tzinfo=UTC), 0
    deadline = time.monotonic() + 60
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        while read < total and time.monotonic() < deadline and any(writer.is_alive() for writer in writers):
            found = connection.execute(
                "SELECT position, recorded_at FROM ledger.events WHERE position > %s ORDER BY position", (read,)
            ).fetchall()
            assert [position for position, _ in found] == list(range(read + 1, read + 1 + len(found)))
            for _, recorded_at in found:
                assert recorded_at >= latest
                latest = recorded_at
            read += len(found)
            looks += bool(found)
        last = connection.execute("SELECT max(position), count(*) FROM ledger.events").fetchone()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * PROCESSES
    assert last == (total, total)
    assert looks > 10, "the reader was not at the tail while they wrote"
