"""The bell."""

import asyncio

import pytest

from ledger.bell import Bell
from ledger.connect import connect
from tests.support.database import Database

pytestmark = pytest.mark.anyio


async def test_a_bell_that_is_stopped_while_it_connects_stops(database: Database) -> None:
    """A cancellation that is swallowed on the way is given again: stopping never hangs."""
    for turns in range(60):
        bell = Bell(lambda: connect(database.app_dsn, "bell"), "flowledger_test")
        bell.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.wait_for(bell.stop(), 5)
