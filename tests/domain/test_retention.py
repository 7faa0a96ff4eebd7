"""How long a printed name is kept."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import WORKFLOWS
from domain.events import FACTS
from domain.platform.retention import (
    NAMING,
    RETAINED,
    Retention,
    ending_topics,
    reopening_topics,
    retained_until,
    retention,
)
from tests.domain.people import NOW

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
YEARS = st.integers(1, 100)


@given(MOMENTS, YEARS)
def test_it_is_never_shorter_than_whole_years_nor_a_day_longer(ended: datetime, years: int) -> None:
    until = retained_until(ended, years)
    assert (until.year, until.time()) == (ended.year + years, ended.time())
    leap = (ended.month, ended.day) == (2, 29) and (until.month, until.day) == (3, 1)
    assert leap or (until.month, until.day) == (ended.month, ended.day)


def test_what_ended_on_a_leap_day_is_kept_until_the_day_after() -> None:
    assert retained_until(datetime(2024, 2, 29, tzinfo=UTC), 1) == datetime(2025, 3, 1, tzinfo=UTC)
    assert retained_until(datetime(2024, 2, 29, tzinfo=UTC), 4) == datetime(2028, 2, 29, tzinfo=UTC)


def test_the_end_of_time_is_no_fault() -> None:
    assert retained_until(datetime(9990, 5, 1, tzinfo=UTC), 100).year == 9999


@given(st.lists(st.none() | MOMENTS), YEARS)
def test_a_name_is_kept_as_long_as_any_record_is(ends: list[datetime | None], years: int) -> None:
    it = retention(ends, years)
    for moment in (NOW, *(end + timedelta(days=366 * years) for end in ends if end)):
        kept = any(end is None or moment < retained_until(end, years) for end in ends)
        assert it.keeps(moment) is kept


def test_no_record_keeps_no_name() -> None:
    assert retention([], 10) == Retention(0, None)
    assert not retention([], 10).keeps(NOW)


def test_records_end_by_closing_and_cancelling_and_go_on_by_reopening() -> None:
    assert ending_topics() == ["capa.cancelled", "capa.closed", "deviation.cancelled", "deviation.closed"]
    assert reopening_topics() == ["capa.reopened", "deviation.reopened"]


def test_every_field_that_names_a_user_is_known() -> None:
    """A new one would have to be looked for, too."""
    numbers = {
        name
        for fact in FACTS.values()
        if fact.kind in RETAINED
        for name in fact.__struct_fields__
        if name not in fact.numbered and "int" in str(fact.__annotations__.get(name))
    }
    assert numbers - {"due_days", "source_id", "action_id", "attachment_id", "size"} == set(NAMING)


def test_every_kind_that_keeps_names_has_a_workflow() -> None:
    assert all(WORKFLOWS[kind] is flow for kind, (flow, _) in RETAINED.items())
