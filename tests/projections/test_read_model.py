"""Which rows of a read model are written."""

from datetime import timedelta

import pytest

from domain.quality import deviation_facts as facts
from tests.projections.stage import DUE, Stage

pytestmark = pytest.mark.anyio


async def _places(stage: Stage) -> list[str]:
    """Return where each stretch is stored: what is written is stored elsewhere."""
    return [place for (place,) in await stage.rows("SELECT ctid::text FROM reports ORDER BY n")]


async def test_of_a_record_of_many_rows_only_those_are_written_that_change(stage: Stage) -> None:
    """A record whose due date is moved a thousand times is not written a thousand times a thousand."""
    await stage.deviation()
    for days in range(3):
        moved = facts.DeviationUpdated(due_date=DUE + timedelta(days=days), from_state="OPEN", to_state="OPEN")
        await stage.move(1, moved)
    await stage.run()
    before = await _places(stage)
    assert len(before) == 4
    await stage.edit(1, "Another title")
    await stage.run()
    assert await _places(stage) == before
    await stage.move(1, facts.DeviationUpdated(due_date=DUE, from_state="OPEN", to_state="OPEN"))
    await stage.run()
    *others, last, new = await _places(stage)
    assert others == before[:3]
    assert last != before[3]
    assert new


async def test_a_trait_is_written_into_every_row(stage: Stage) -> None:
    """Each stretch is counted by what the record is now."""
    await stage.deviation()
    await stage.move(1, facts.DeviationUpdated(due_date=DUE, from_state="OPEN", to_state="OPEN"))
    await stage.run()
    await stage.move(1, facts.DeviationUpdated(department="Lab", from_state="OPEN", to_state="OPEN"))
    await stage.run()
    assert await stage.rows("SELECT department FROM reports") == [("Lab",), ("Lab",)]
