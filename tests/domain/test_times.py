"""Times as people write them."""

from datetime import UTC, datetime

import pytest

from domain.times import day_or_moment, moment


@pytest.mark.parametrize("text", ["9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"])
def test_the_last_day_of_the_calendar_is_a_bound_as_any_other(text: str) -> None:
    assert moment(text, end=True) == datetime.max.replace(tzinfo=UTC)


def test_what_is_not_on_the_calendar_in_utc_is_no_time() -> None:
    for text in ("9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"):
        with pytest.raises(ValueError, match=text[:4]):
            moment(text)


def test_a_day_without_a_zone_stays_one() -> None:
    assert day_or_moment("2024-01-15") == datetime(2024, 1, 15)
    assert day_or_moment("2024-01-15T09:30:00+02:00") == datetime(2024, 1, 15, 7, 30, tzinfo=UTC)
