"""The CAPA that closing a deviation asks for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.quality.deviation_facts import Closed, WantedCapa
from tests.domain.deviations import MANAGER, Story

WANTED = {"title": "Doors", "description": "They close by themselves.", "department": "Plant"}


def test_what_is_wanted_is_recorded_with_the_closing() -> None:
    wanted = WantedCapa(**WANTED, target_completion_date=datetime(2026, 5, 1, tzinfo=UTC))
    closed = Story().submitted().approved().fire("close", MANAGER, open_capa=wanted)
    assert isinstance(closed, Closed)
    assert closed.open_capa == wanted


@pytest.mark.parametrize(
    ("wrong", "field"), [({"priority": "SOON"}, "priority"), ({"title": " "}, "title"), ({"category": "X"}, "category")]
)
def test_what_could_not_be_opened_is_not_recorded(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Story().submitted().approved().fire("close", MANAGER, open_capa=WantedCapa(**(WANTED | wrong)))
    assert [fault.field for fault in refused.value.faults] == [f"open_capa.{field}"]
