"""The exact count of a list, and the place of a page far behind."""

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from domain.events import stream_id
from domain.quality import deviation_facts as facts
from domain.quality.deviation_facts import Deviation
from projections import counting, listing
from projections.counting import Counts
from projections.deviation_queries import LISTING, DeviationFilter, find
from projections.listing import Listing
from tests.projections.stage import STEPS, Stage

pytestmark = pytest.mark.anyio

_FILTERS = [DeviationFilter(), DeviationFilter(status="OPEN"), DeviationFilter(status="CANCELLED")]
_CANCELLED = facts.Cancelled(from_state="OPEN", to_state="CANCELLED", reason="Doubled")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Listing[DeviationFilter, Deviation]:
    """A list of deviations that counts four ids at a time, to which the seventh row lies far behind."""
    monkeypatch.setattr(counting, "BLOCK", 4)
    monkeypatch.setattr(listing, "DEEP", 6)
    return Listing("deviations", LISTING.filters, LISTING.unless)


async def _ids(
    stage: Stage,
    of: Listing[DeviationFilter, Deviation],
    wanted: DeviationFilter,
    offset: int,
    counts: Counts,
    limit: int = 3,
) -> tuple[int, Sequence[int]]:
    page = await of.find(stage.connection, wanted, limit, offset, counts)
    rows: list[dict[str, Any]] = msgspec.json.decode(b"[" + page.summaries + b"]")
    return page.total, [row["id"] for row in rows]


async def test_a_count_follows_the_read_model_through_every_change(
    stage: Stage, small_blocks: Listing[DeviationFilter, Deviation]
) -> None:
    """What was counted before and brought up to now is what counting all of it gives, on near and far pages."""
    draw, kept = random.Random(7), Counts()
    steps: dict[int, int] = {}
    for _ in range(12):
        for _ in range(draw.choice((0, 1, 3))):
            steps[await stage.deviation()] = 0
        movable = [number for number, taken in steps.items() if taken < len(STEPS)]
        for number in draw.sample(movable, min(2, len(movable))):
            if steps[number] == 0 and draw.random() < 0.3:
                await stage.append(stream_id("deviation", number), _CANCELLED)
                steps[number] = len(STEPS)
            else:
                await stage.move(number, STEPS[steps[number]])
                steps[number] += 1
        await stage.run()
        for wanted in _FILTERS:
            for offset in (0, 5, 6, 9, 14):
                total, ids = await _ids(stage, small_blocks, wanted, offset, kept)
                _, whole = await _ids(stage, LISTING, wanted, 0, Counts(), limit=100)
                assert (total, ids) == (len(whole), whole[offset : offset + 3])


async def test_after_a_rebuild_all_is_counted_again(stage: Stage) -> None:
    """A count of another generation of the read model says nothing of this one, though the position is the same."""
    counts = Counts()
    await stage.deviation()
    await stage.run()
    assert (await find(stage.connection, DeviationFilter(), 1, 0, counts)).total == 1
    async with stage.connection.transaction():
        await stage.connection.execute("DELETE FROM views.deviations")
        await stage.connection.execute("UPDATE ops.positions SET generation = generation + 1")
    assert (await find(stage.connection, DeviationFilter(), 1, 0, counts)).total == 0


async def test_far_behind_all_is_counted_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past so many events it costs less to count everything than to look at what moved."""
    monkeypatch.setattr(listing, "FEW", 2)
    few = Listing[DeviationFilter, Deviation]("deviations", LISTING.filters, LISTING.unless)
    counts = Counts()
    for more in (1, 2, 5):
        before = stage.deviations
        for _ in range(more):
            await stage.deviation()
        await stage.run()
        page = await few.find(stage.connection, DeviationFilter(), 1, 0, counts)
        assert page.total == before + more


async def test_each_filter_has_its_own_count(stage: Stage) -> None:
    """A count under one filter is never given under another."""
    counts = Counts()
    await stage.deviation()
    await stage.run()
    for wanted, total in ((_FILTERS[1], 1), (_FILTERS[2], 0), (_FILTERS[0], 1)):
        assert (await find(stage.connection, wanted, 1, 0, counts)).total == total
