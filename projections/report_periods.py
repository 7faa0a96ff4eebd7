"""Days, weeks, months and years of a calendar, and the moments at which they begin in a time zone."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from ledger.rows import microseconds

Period = Literal["daily", "weekly", "monthly", "yearly"]
PERIODS: Final[tuple[Period, ...]] = get_args(Period)
#: The days that a report may take in: whole seconds of them are exact as floats, and every zone has them.
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(2199, 12, 30)
_DAY = timedelta(days=1)


class Days(NamedTuple):
    """A run of days, both ends in."""

    first: date
    last: date


def _month(day: date, months: int) -> date:
    """Return the first day of the month that is so many months after a day's."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


#: The first day of the period that is so many periods after the one in which a day lies. Weeks begin on Monday.
_BEGINNINGS: Final[dict[Period, Callable[[date, int], date]]] = {
    "daily": lambda day, later: day + later * _DAY,
    "weekly": lambda day, later: day + (7 * later - day.weekday()) * _DAY,
    "monthly": _month,
    "yearly": lambda day, later: date(day.year + later, 1, 1),
}


def beginning(period: Period, day: date, later: int = 0) -> date:
    """Return the first day of a day's period, or of the one that comes so many periods later."""
    return _BEGINNINGS[period](day, later)


def split(period: Period, days: Days, most: int) -> list[Days]:
    """Return the periods that days lie in, the first and the last cut to them; one more than `most` at most."""
    found: list[Days] = []
    first = days.first
    while first <= days.last and len(found) <= most:
        following = beginning(period, first, 1)
        found.append(Days(first, min(following - _DAY, days.last)))
        first = following
    return found


def beginning_of(day: date, zone: ZoneInfo) -> int:
    """Return the first moment of a day in a zone, microseconds since 1970.

    Where clocks go forward at midnight it is the moment at which they do; where midnight comes twice, the first.
    """
    return microseconds(datetime(day.year, day.month, day.day, tzinfo=zone))


def bounds(periods: Sequence[Days], zone: ZoneInfo) -> list[int]:
    """Return the moments at which adjacent periods begin, and the one at which the last is over."""
    return [beginning_of(days.first, zone) for days in periods] + [beginning_of(periods[-1].last + _DAY, zone)]
