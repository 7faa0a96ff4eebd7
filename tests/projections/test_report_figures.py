"""Every figure of a report is what a slow recount of the events gives."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from domain.events import Recorded
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.rows import microseconds
from ledger.vault import Vault
from projections.report_life import NEVER, SUBJECTS
from projections.report_periods import PERIODS, Days, Period, beginning_of, bounds, split
from projections.report_queries import AGES, Figures, Question, board, falls_due, figures, flow
from projections.reports import ReportsReadModel
from tests.projections.report_histories import DEPARTMENTS, ZONES, later, ledger
from tests.projections.report_recount import History, Recount
from tests.support.database import Database


class Case(NamedTuple):
    """What is asked: of which periods, by whose clock, when, and of which department."""

    period: Period
    days: Days
    zone: ZoneInfo
    now: datetime
    department: str | None

    @property
    def periods(self) -> list[Days]:
        return split(self.period, self.days, 1000)

    def question(self, kind: str) -> Question:
        edges = tuple(bounds(self.periods, self.zone))
        return Question(kind=kind, bounds=edges, now=microseconds(self.now), department=self.department)

    def moment(self, day: date) -> int:
        return beginning_of(day, self.zone)


def _case(chance: Random, events: Sequence[Recorded]) -> Case:
    """Return a case near to some events."""
    moments = [it.at for it in events] or [datetime(2026, 3, 1, tzinfo=UTC)]
    first = chance.choice(moments).date() - timedelta(days=chance.randrange(9))
    return Case(
        chance.choice(PERIODS),
        Days(first, first + timedelta(days=chance.choice((1, 2, 9, 40, 400)) - 1)),
        ZoneInfo(chance.choice(("UTC", *ZONES))),
        later(chance, chance.choice(moments) + timedelta(days=chance.choice((0, 30)))),
        chance.choice((None, None, *DEPARTMENTS)),
    )


def _histories(events: Sequence[Recorded]) -> list[History]:
    stream = attrgetter("stream")
    return [History(list(its)) for _, its in groupby(sorted(events, key=stream), stream)]


def _shown(it: Figures, traits: Sequence[str]) -> dict[str, Any]:
    return {
        **{word: it.counts[word] for word in ("opened", "reopened", "closed", "cancelled")},
        "open_at_end": it.open_at_end,
        "overdue": it.overdue,
        **{f"by_{trait}": it.by[trait] for trait in traits},
        "mean": it.closings.mean_days,
        "p90": it.closings.ninetieth_days,
        "effectiveness": it.effectiveness,
    }


async def _fill(connection: AsyncConnection[Any], model: ReportsReadModel, events: list[Recorded], batch: int) -> None:
    await connection.execute("DELETE FROM reports")
    for first in range(0, len(events), batch):
        await model.apply(connection, events[first : first + batch])


async def _check_figures(connection: AsyncConnection[Any], recount: Recount, kind: str, case: Case) -> None:
    rows, total = await figures(connection, case.question(kind))
    slow = [recount.period(*days) for days in case.periods]
    traits = ("status", *SUBJECTS[kind].traits)
    assert [_shown(it, traits) for it in rows] == slow
    assert _shown(total, traits) == recount.period(*case.days)
    for before, after in pairwise(slow):
        come, gone = after["opened"] + after["reopened"], after["closed"] + after["cancelled"]
        assert after["open_at_end"] == before["open_at_end"] + come - gone
    trend = await flow(connection, case.question(kind))
    assert [it.counts["opened"] for it in trend] == [it["opened"] for it in slow]
    assert [(it.open_at_end, it.overdue) for it in trend] == [(it["open_at_end"], it["overdue"]) for it in slow]


async def _check_board(connection: AsyncConnection[Any], recount: Recount, kind: str, case: Case) -> None:
    today = recount.day(case.now)
    ages = [case.moment(today - timedelta(days=days)) for days in (90, 60, 30, 7)]
    monday = today - timedelta(days=today.weekday())
    week = case.moment(monday), case.moment(monday + timedelta(days=7))
    falls = recount.falls_due()
    assert await falls_due(connection, case.question(kind)) == (NEVER if falls is None else microseconds(falls))
    live, slow = await board(connection, case.question(kind), ages, week), recount.board()
    assert {name: getattr(live, name) for name in slow} == slow | {"ages": {age: slow["ages"][age] for age in AGES}}


@pytest.mark.parametrize("kind", sorted(SUBJECTS))
def test_every_figure_is_that_of_a_slow_recount_of_the_events(database: Database, tmp_path: Path, kind: str) -> None:
    """In every period, zone and department, whatever befell the records; on the dashboard too."""
    model = ReportsReadModel(Codec(Vault(Keys(tmp_path))))
    with asyncio.Runner() as runner:
        connection = runner.run(connect(database.app_dsn, "test"))

        @settings(max_examples=50, deadline=None, phases=[Phase.explicit, Phase.generate])
        @given(st.integers(0, 2**32))
        def equal(seed: int) -> None:
            chance = Random(seed)
            events = ledger(chance, kind)
            case = _case(chance, events)
            runner.run(_fill(connection, model, events, chance.choice((1, 3, 100))))
            recount = Recount(kind, _histories(events), case.zone, case.now, case.department)
            runner.run(_check_figures(connection, recount, kind, case))
            runner.run(_check_board(connection, recount, kind, case))

        try:
            equal()
        finally:
            runner.run(connection.close())
