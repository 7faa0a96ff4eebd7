"""The sweep: what is due is found, and what was settled long ago is dropped."""

import pytest

from ledger.connect import pool
from tests.workers.receiver import Receiver
from tests.workers.stage import Stage
from tests.workers.waiting import until
from workers.sweep import Sweep

pytestmark = pytest.mark.anyio


async def test_what_was_settled_long_ago_is_dropped_a_little_at_a_time(stage: Stage) -> None:
    """With its attempts; what is pending or recent stays."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with stage.working():
            for _ in range(5):
                await stage.deviation()
            await until(lambda: _delivered(stage))
    await stage.rows("UPDATE ops.deliveries SET created_at = now() - interval '31 days' WHERE position < 7")
    await stage.rows("UPDATE ops.deliveries SET state = 'pending' WHERE position = 3")
    async with pool(stage.database.app_dsn, "sweep", 1) as connections:
        sweep = Sweep(connections, stage.codec, lambda _: None, most=2)
        for left in (3, 2, 2):
            await sweep.once()
            assert len(await stage.states()) == left
    assert await stage.rows("SELECT position FROM ops.deliveries ORDER BY position") == [(3,), (7,)]
    assert await stage.rows("SELECT count(*) FROM ops.delivery_attempts") == [(2,)]


async def _delivered(stage: Stage) -> bool:
    return await stage.states() == ["delivered"] * 5
