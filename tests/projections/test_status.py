"""Where consumers stand; that of one which stands still is told with the runner's tests."""

import pytest

from domain.events import stream_id
from projections.status import status
from tests.projections.stage import Stage, created

pytestmark = pytest.mark.anyio


async def test_consumers_that_have_not_begun_are_shown(stage: Stage) -> None:
    """Read models are known before their first event."""
    await stage.append(stream_id("deviation", 1), created(1))
    found = await status(stage.connection)
    assert [(it.name, it.position, it.lag, it.generation, it.leading) for it in found] == [
        ("capas", 0, 1, 0, False),
        ("deviations", 0, 1, 0, False),
        ("reports", 0, 1, 0, False),
        ("trail", 0, 1, 0, False),
        ("users", 0, 1, 0, False),
        ("versions", 0, 1, 0, False),
        ("webhooks", 0, 1, 0, False),
    ]
