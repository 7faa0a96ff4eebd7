"""The bell."""

import asyncio
from collections.abc import Callable

import pytest

from ledger.bell import Bell
from ledger.connect import connect
from tests.support.database import Database

pytestmark = pytest.mark.anyio


async def test_a_bell_that_is_stopped_while_it_connects_stops(database: Database) -> None:
    """A cancellation that is swallowed on the way is given again: stopping never hangs."""
    before = len(asyncio.all_tasks())
    for turns in range(60):
        bell = Bell(lambda: connect(database.app_dsn, "bell"), "flowledger_test")
        bell.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.wait_for(bell.stop(), 5)
        async with asyncio.timeout(5):  # Connections under way are opened, and then closed.
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.001)


async def test_what_is_no_position_is_not_heard(database: Database) -> None:
    """A payload that is no number, or none that a ledger reaches, is passed over: the next one is heard."""
    bell = Bell(lambda: connect(database.app_dsn, "bell"), "flowledger_test")
    bell.start()
    async with await connect(database.app_dsn, "test") as teller:
        await _listening(bell)
        for payload in ("", "x", "-1", "1.5", "\u0661", str(2**62), "9" * 5000, "5"):
            await teller.execute("SELECT pg_notify('flowledger_test', %s)", (payload,))
        assert await bell.wait("flowledger_test", 5, 5)
        assert bell.told("flowledger_test") == 5
        assert bell.listening
    await bell.stop()
    assert not bell.listening


async def test_a_false_word_does_not_outlive_the_next_true_one(database: Database) -> None:
    """A position that somebody made up is told until the next is, or the connection is lost."""
    bell = Bell(lambda: connect(database.app_dsn, "false bell"), "flowledger_test")
    bell.start()
    async with await connect(database.app_dsn, "test") as teller:
        await _listening(bell)
        await teller.execute("SELECT pg_notify('flowledger_test', '4000000000')")
        assert await bell.wait("flowledger_test", 7, 5)
        await teller.execute("SELECT pg_notify('flowledger_test', '7')")
        await _until(lambda: bell.told("flowledger_test") == 7)
        await teller.execute("SELECT pg_notify('flowledger_test', '4000000000')")
        await _until(lambda: bell.told("flowledger_test") > 7)
        await teller.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'flowledger false bell' AND datname = current_database()"
        )
        await _until(lambda: bell.told("flowledger_test") == 0)
    await bell.stop()


async def test_a_fault_of_who_is_called_ends_no_bell(database: Database) -> None:
    """Whatever is raised, the bell goes on with a new connection."""
    bell, faults = Bell(lambda: connect(database.app_dsn, "bell"), "flowledger_test"), [RuntimeError("once")]

    def heard() -> None:
        if faults:
            raise faults.pop()

    bell.on("flowledger_test", heard)
    bell.start()
    await _until(lambda: not faults)
    async with await connect(database.app_dsn, "test") as teller:
        await _listening(bell)
        await teller.execute("SELECT pg_notify('flowledger_test', '3')")
        assert await bell.wait("flowledger_test", 3, 5)
    await bell.stop()


async def _listening(bell: Bell) -> None:
    await _until(lambda: bell.listening)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
