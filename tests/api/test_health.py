"""Readiness is open to all: whoever asks often costs nobody else anything."""

import asyncio

import pytest

from api.health import Checks, Kept

pytestmark = pytest.mark.anyio


class Stage:
    """A database that is asked, and a clock."""

    def __init__(self) -> None:
        self.looked = 0
        self.now = 0.0
        self.kept = Kept(self._look, lambda: self.now)

    async def _look(self) -> Checks:
        self.looked += 1
        await asyncio.sleep(0)
        return {"database": {"ok": self.looked}}


async def test_however_many_ask_at_once_it_is_looked_for_once() -> None:
    stage = Stage()
    answers = await asyncio.gather(*(stage.kept.get() for _ in range(100)))
    assert stage.looked == 1
    assert all(answer == {"database": {"ok": 1}} for answer in answers)


async def test_what_was_found_holds_for_a_second() -> None:
    stage = Stage()
    for stage.now, looked in ((0.0, 1), (0.9, 1), (1.0, 2), (1.9, 2)):
        await stage.kept.get()
        assert stage.looked == looked
