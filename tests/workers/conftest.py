"""Fixtures of the workers' tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.database import Database
from tests.workers.stage import Stage


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """A ledger to play on, with a user in it."""
    made = Stage(database, tmp_path)
    await made.user()
    yield made
    await made.writer.close()
