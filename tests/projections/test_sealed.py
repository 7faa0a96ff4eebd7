"""Personal data on its way into the views."""

from typing import Any

import pytest

from projections.registry import read_models
from tests.projections.stage import Stage

pytestmark = pytest.mark.anyio


async def test_a_destroyed_key_is_not_made_again_by_folding(stage: Stage) -> None:
    """Views keep what was sealed as it is: nobody's data are opened to be folded, nor sealed with a new key."""
    user = await stage.user()
    keys = stage.folder / "keys" / "persons"
    for key in keys.iterdir():
        key.unlink()
    await stage.run()
    stored = await stage.rows("SELECT state FROM ledger.events")
    (row,) = await stage.table("users")
    assert not list(keys.iterdir())
    record = stage.codec.decode("user.created", stored[0][0])
    assert record is not None
    assert record.name.sealed in _sealed_in(stage, row)  # type: ignore[attr-defined]
    assert user == row[0]


def _sealed_in(stage: Stage, row: tuple[Any, ...]) -> list[bytes]:
    (users,) = (model for model in read_models(stage.codec) if model.name == "users")
    user = users.records.decode(row[-1])
    return [user.name.sealed, user.contact.sealed]
