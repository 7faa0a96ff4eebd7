"""Fixtures of the read models' tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger.codec import Codec
from ledger.keys import Keys
from ledger.vault import Vault
from tests.projections.stage import Stage
from tests.support.database import Database


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """A ledger to play on."""
    made = Stage(database, tmp_path)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def codec(tmp_path: Path) -> Codec:
    """A codec with keys of its own."""
    return Codec(Vault(Keys(tmp_path / "keys")))
