"""The reports' read model: its stretches, and what is kept of reports."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from audit.replay import replay
from domain.events import Event, Recorded, stream_id
from domain.quality import deviation_facts as facts
from ledger.rows import microseconds
from projections.rebuild import rebuild
from projections.report_kept import KeptReports
from projections.report_life import NEVER, Life, evolve
from projections.report_periods import Days, beginning, beginning_of, bounds, split
from projections.report_queries import Place, Question, board, figures
from tests.projections.stage import Stage, created

_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000


def _life(*events: Event) -> Life:
    """Return a deviation that one of these befell a day."""
    life = None
    for number, event in enumerate([created(1), *events]):
        recorded = Recorded(number + 1, stream_id("deviation", 1), number + 1, _BEGUN + timedelta(days=number), event)
        life = evolve(life, recorded)
    assert life is not None
    return life


def _moved(event: type[Any], to: str, **given: Any) -> Event:
    made: Event = event(from_state="", to_state=to, **given)
    return made


_CLOSED = _moved(facts.Closed, "CLOSED")
_REOPENED = _moved(facts.Reopened, "UNDER_INVESTIGATION")


def _days(life: Life) -> list[tuple[Any, ...]]:
    """Return each stretch: from which day to which, due on which, and how it began and ended."""
    begun = microseconds(_BEGUN)
    return [
        (
            (it.since - begun) // _DAY,
            None if it.until == NEVER else (it.until - begun) // _DAY,
            (it.due - begun) // _DAY,
            it.began,
            it.ended,
        )
        for it in life.stretches
    ]


def test_what_is_open_has_a_stretch_that_lasts() -> None:
    assert _days(_life()) == [(0, None, 30, "opened", "")]


def test_a_record_that_is_closed_and_opened_again_has_a_stretch_for_each_time() -> None:
    life = _life(_CLOSED, _REOPENED, _CLOSED)
    assert _days(life) == [(0, 1, 30, "opened", "closed"), (2, 3, 30, "reopened", "closed")]


def test_another_due_date_is_another_stretch_and_other_traits_are_not() -> None:
    edit = _moved(
        facts.DeviationUpdated, "OPEN", due_date=_BEGUN + timedelta(days=9), department="Lab", category="OTHER"
    )
    life = _life(
        edit, _moved(facts.DeviationUpdated, "OPEN", classification="MAJOR"), _moved(facts.Cancelled, "CANCELLED")
    )
    assert _days(life) == [(0, 1, 30, "opened", "moved"), (1, 3, 9, "went_on", "cancelled")]
    assert (life.department, life.category, life.grade, life.status) == ("Lab", "OTHER", "MAJOR", "CANCELLED")


def test_a_due_date_that_is_moved_after_the_end_is_that_of_the_next_stretch() -> None:
    edit = _moved(facts.DeviationUpdated, "CLOSED", due_date=_BEGUN + timedelta(days=9))
    found = _days(_life(_CLOSED, edit, _REOPENED))
    assert found == [(0, 1, 30, "opened", "closed"), (2, 2, 9, "went_on", "moved"), (3, None, 9, "reopened", "")]


@pytest.fixture
async def told(stage: Stage) -> Stage:
    """A deviation of two stretches, one of one, and a CAPA."""
    number = await stage.deviation()
    await stage.move(number, _CLOSED, _REOPENED)
    await stage.deviation(steps=2)
    await stage.capa(steps=4)
    await stage.run()
    return stage


@pytest.mark.anyio
async def test_a_rebuild_makes_the_same_stretches(told: Stage) -> None:
    live = await told.table("reports")
    assert len(live) == 5
    await told.connection.execute("UPDATE reports SET until = until - 1, n = n + 7")
    await rebuild(told.url, told.codec, ["reports"])
    assert await told.table("reports") == live


@pytest.mark.anyio
async def test_a_replay_names_each_stretch_that_is_wrong(told: Stage) -> None:
    await told.connection.execute("UPDATE reports SET due = 5 WHERE id = 1 AND n = 1 AND kind = 'deviation'")
    await told.connection.execute("DELETE FROM reports WHERE kind = 'capa' AND n = 1")
    columns = "stream, id, begun, since, until, due, kind, began, ended, status, grade, category, source, department"
    await told.connection.execute(
        f"INSERT INTO reports (n, {columns}) SELECT 1, {columns} FROM reports WHERE id = 2 AND kind = 'deviation'"
    )
    report = await replay(told.connection, told.codec)
    assert sorted(it.sentence().partition(", ")[0] for it in report.differences) == [
        "reports: capa/1 is in the ledger and not in the read model",
        "reports: deviation/1: due is 5 in the read model",
        "reports: deviation/2 is in the read model and not in the ledger",
    ]


@pytest.mark.anyio
async def test_a_moment_between_two_periods_belongs_to_the_later_one(told: Stage) -> None:
    ((since, until),) = await told.rows(
        "SELECT since, until FROM reports WHERE id = 1 AND n = 0 AND kind = 'deviation'"
    )
    asked = Question(kind="deviation", bounds=(since - 9, since, until, until + 1), now=until + 2)
    rows, _ = await figures(told.connection, asked)
    assert [(it.counts["opened"] > 0, it.counts["closed"], it.open_at_end) for it in rows][:2] == [
        (False, 0, 0),
        (True, 0, 1),
    ]
    assert rows[2].counts["closed"] == 1


@pytest.mark.anyio
async def test_what_is_due_as_the_week_ends_is_not_due_in_it(told: Stage) -> None:
    ((due,),) = await told.rows("SELECT max(due) FROM reports WHERE kind = 'deviation'")
    asked = Question(kind="deviation", bounds=(0, 1), now=due)
    ages = (1, 2, 3, 4)
    assert (await board(told.connection, asked, ages, (due - 9, due))).due_this_week < 2
    found = await board(told.connection, asked, ages, (due, due + 1))
    assert (found.due_this_week, found.overdue) == (1, 1)


def test_weeks_begin_on_monday_and_years_in_january() -> None:
    thursday = date(2026, 1, 1)
    assert beginning("weekly", thursday) == date(2025, 12, 29)
    assert beginning("weekly", thursday, 1) == date(2026, 1, 5)
    assert beginning("monthly", date(2026, 1, 31), -11) == date(2025, 2, 1)
    assert beginning("yearly", thursday, -1) == date(2025, 1, 1)


def test_periods_are_cut_at_both_ends() -> None:
    days = Days(date(2026, 1, 30), date(2026, 3, 2))
    assert split("monthly", days, 9) == [
        Days(date(2026, 1, 30), date(2026, 1, 31)),
        Days(date(2026, 2, 1), date(2026, 2, 28)),
        Days(date(2026, 3, 1), date(2026, 3, 2)),
    ]


def test_a_day_on_which_clocks_are_changed_is_shorter_or_longer() -> None:
    zone = ZoneInfo("Europe/Berlin")
    spring, autumn = (Days(day, day) for day in (date(2026, 3, 29), date(2026, 10, 25)))
    lengths = [(end - begin) // 3_600_000_000 for begin, end in (bounds([spring], zone), bounds([autumn], zone))]
    assert lengths == [23, 25]


def test_a_day_that_begins_without_a_midnight_begins_as_its_clocks_do() -> None:
    begun = beginning_of(date(2026, 4, 24), ZoneInfo("Africa/Cairo"))
    assert datetime.fromtimestamp(begun / 1e6, ZoneInfo("Africa/Cairo")).hour == 1


def test_an_answer_is_kept_while_it_holds() -> None:
    kept, here = KeptReports(), Place(7, 1)
    kept.keep("asked", here, 10, 20, b"{}")
    assert [kept.get("asked", here, now) for now in (9, 10, 20, 21)] == [None, b"{}", b"{}", None]
    assert kept.get("asked", Place(8, 1), 15) is None
    assert kept.get("asked", Place(7, 2), 15) is None
    assert kept.get("else", here, 15) is None


def test_no_more_is_kept_than_a_few_short_answers() -> None:
    kept, here = KeptReports(), Place(7, 1)
    kept.keep("long", here, 0, 9, b" " * 300_000)
    assert kept.get("long", here, 5) is None
    for number in range(40):
        kept.keep(number, here, 0, 9, b"{}")
    assert [number for number in range(40) if kept.get(number, here, 5)] == list(range(8, 40))
