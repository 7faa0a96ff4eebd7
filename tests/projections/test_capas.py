"""Lists of CAPAs: what they are narrowed to, in which order, and how many there are."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domain.events import stream_id
from domain.quality import capa_facts as facts
from domain.quality.capa_facts import Capa
from projections.capa_queries import CapaFilter, find, one, stream_of
from projections.counting import Counts
from projections.deviation_queries import DeviationFilter
from projections.deviation_queries import find as find_deviations
from tests.projections.stage import DUE, Stage

pytestmark = pytest.mark.anyio


@pytest.fixture
async def filled(stage: Stage) -> Stage:
    """1 and 2 follow from deviation 4; 2 is owned and URGENT; 3 is due; 4 was, and is closed; 5 is cancelled."""
    await stage.capa(source_type="DEVIATION", source_id=4)
    await stage.capa(source_type="DEVIATION", source_id=4, priority="URGENT", department="Lab")
    await stage.capa(steps=3, source_type="AUDIT", source_id=4)
    await stage.capa(steps=3)
    await stage.capa(steps=5)
    await stage.append(stream_id("capa", 2), facts.OwnerAssigned(owner=7, from_state="INITIATED", to_state="INITIATED"))
    await stage.append(stream_id("capa", 4), facts.Closed(from_state="APPROVED", to_state="CLOSED"))
    await stage.run()
    return stage


async def _found(stage: Stage, **wanted: Any) -> list[int]:
    page = await find(stage.connection, CapaFilter(**wanted), 50, 0, Counts())
    rows = msgspec.json.decode(b"[" + page.summaries + b"]")
    assert page.total == len(rows)
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [4, 3, 2, 1]),
        ({"status": "CANCELLED"}, [5]),
        ({"status": "INITIATED"}, [2, 1]),
        ({"department": "Lab"}, [2]),
        ({"priority": "URGENT"}, [4, 3, 2]),
        ({"source_type": "DEVIATION"}, [2, 1]),
        ({"source_type": "DEVIATION", "source_id": 4}, [2, 1]),
        ({"source_id": 4}, [3, 2, 1]),
        ({"source_id": 5}, []),
        ({"owner": 7}, [2]),
        ({"owner": 1}, [4, 3]),
        ({"overdue_at": DUE}, []),
        ({"overdue_at": DUE + timedelta(seconds=1)}, [3]),
        ({"overdue_at": DUE + timedelta(seconds=1), "status": "CLOSED"}, []),
        ({"timely_at": DUE}, [4, 3, 2, 1]),
        ({"timely_at": DUE + timedelta(seconds=1)}, [4, 2, 1]),
        ({"begun_from": DUE + timedelta(days=36_500)}, []),
        ({"begun_before": DUE + timedelta(days=36_500)}, [4, 3, 2, 1]),
    ],
)
async def test_a_list_is_narrowed_by_what_is_given(filled: Stage, wanted: dict[str, Any], found: list[int]) -> None:
    """All conditions hold; cancelled ones come only where they are asked for."""
    assert await _found(filled, **wanted) == found


async def test_a_page_holds_its_part_and_the_count_all(filled: Stage) -> None:
    """Newest first."""
    page = await find(filled.connection, CapaFilter(), 2, 1, Counts())
    rows = msgspec.json.decode(b"[" + page.summaries + b"]")
    assert (page.total, [row["id"] for row in rows]) == (4, [3, 2])
    assert rows[0] | {"initiation_date": ""} == {
        "id": 3,
        "capa_number": "CAPA-2026-0003",
        "title": "Better labels",
        "description": "For line 4.",
        "category": "",
        "priority": "URGENT",
        "department": "QA",
        "status": "INVESTIGATION",
        "source_type": "AUDIT",
        "source_id": 4,
        "owner": 1,
        "initiated_by": None,
        "initiation_date": "",
        "target_completion_date": "2026-03-01T12:00:00Z",
    }


async def test_counts_of_two_kinds_of_lists_are_kept_apart(filled: Stage) -> None:
    """One store of counts serves all; the same filter on another list is another count."""
    counts = Counts()
    await filled.deviation()
    await filled.run()
    for _ in range(2):
        capas = await find(filled.connection, CapaFilter(department="QA"), 1, 0, counts)
        deviations = await find_deviations(filled.connection, DeviationFilter(department="QA"), 1, 0, counts)
        assert (capas.total, deviations.total) == (3, 1)


async def test_what_is_overdue_is_counted_each_time_and_not_kept(filled: Stage) -> None:
    """Time goes on while the read model stands: each moment would be a count of its own."""
    counts = Counts()
    for seconds in (0, 1, 2):
        await find(filled.connection, CapaFilter(overdue_at=DUE + timedelta(seconds=seconds)), 1, 0, counts)
    assert not counts._kept


async def test_a_capa_is_found_by_its_id_and_its_number(filled: Stage) -> None:
    """What there is none of is None."""
    codec = filled.codec.record(Capa)
    it = await one(filled.connection, codec, 3)
    assert it is not None
    assert (it.number, it.owner, [action.id for action in it.actions]) == ("CAPA-2026-0003", 1, [])
    assert await stream_of(filled.connection, it.number) == it.stream
    assert await one(filled.connection, codec, 99) is None
    assert await stream_of(filled.connection, "CAPA-2026-0099") is None


async def test_a_source_and_an_owner_that_change_are_found_anew(filled: Stage) -> None:
    """Columns that may be empty are emptied, too."""
    change = facts.CapaUpdated(source_type="MANUAL", source_id=None, target_completion_date=None)
    await filled.append(stream_id("capa", 3), change, facts.OwnerAssigned(owner=9))
    await filled.run()
    assert await _found(filled, source_id=4) == [2, 1]
    assert await _found(filled, owner=9) == [3]
    assert await _found(filled, overdue_at=DUE + timedelta(days=1)) == []
