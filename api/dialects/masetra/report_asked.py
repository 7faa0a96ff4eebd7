"""What a request for a report asks: its periods and moments, worked out of the query, the calendar and the clock."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from api.call import Call
from api.dialects.masetra.report_shapes import ReportFilters, ReportQuery
from domain.errors import Fault, InvalidInput
from ledger.rows import microseconds
from projections.report_periods import FIRST_DAY, LAST_DAY, Days, Period, beginning, beginning_of, bounds, split
from projections.report_queries import Question
from projections.shown import seconds

MOST_ROWS = 1000
#: Periods that a report shows where no first day is asked for, and months of the dashboard's trend.
_USUAL = 12
#: Days that part the ages of what is open.
_AGES = (90, 60, 30, 7)


class Moment(NamedTuple):
    """When something is asked, by whose clock."""

    at: datetime
    zone: ZoneInfo

    @property
    def shown(self) -> datetime:
        """The moment as it is shown."""
        return seconds(self.at)

    @property
    def today(self) -> date:
        """The day that it is in the zone."""
        return self.at.astimezone(self.zone).date()

    def day_of(self, given: datetime | None) -> date | None:
        """Return the day of a time in the zone; of a day as it was given, itself."""
        if given is None or given.tzinfo is None or not FIRST_DAY <= given.date() <= LAST_DAY:
            return given and given.date()  # Days far off are refused, whatever they are called in the zone.
        return given.astimezone(self.zone).date()

    @property
    def ages(self) -> tuple[int, ...]:
        """The moments that part the ages of what is open."""
        return tuple(beginning_of(self.today - timedelta(days=days), self.zone) for days in _AGES)

    @property
    def week(self) -> tuple[int, int]:
        """When this week began, and when it ends."""
        monday = beginning("weekly", self.today)
        return beginning_of(monday, self.zone), beginning_of(monday + timedelta(days=7), self.zone)

    def question(self, kind: str, periods: list[Days], department: str | None) -> Question:
        """Return the question for the figures of some periods."""
        edges = tuple(bounds(periods, self.zone))
        return Question(kind=kind, bounds=edges, now=microseconds(self.at), department=department)


class Asked(NamedTuple):
    """A report as it is asked for."""

    period: Period
    days: Days
    periods: list[Days]
    filters: ReportFilters


def moment_of(call: Call) -> Moment:
    """Return now, in the zone that is set."""
    return Moment(datetime.now(UTC), ZoneInfo(call.doors.standing.settings.time_zone))


def asked_of(query: ReportQuery, now: Moment) -> Asked:
    """Return what a query asks now, without dates the last twelve periods. Raises InvalidInput with all faults."""
    start, end = now.day_of(query.start_date), now.day_of(query.end_date)
    last = end or now.today
    # Of a last day that is far off only that is told.
    usual = beginning(query.period, max(last, FIRST_DAY), 1 - _USUAL)
    days = Days(start or min(max(usual, FIRST_DAY), last), last)
    faults = list(_faults({"start_date": start, "end_date": end}, days))
    periods = [] if faults else split(query.period, days, MOST_ROWS)
    if len(periods) > MOST_ROWS:
        faults = [Fault("period", f"That are more than {MOST_ROWS} periods; ask for longer or for fewer ones.")]
    if faults:
        raise InvalidInput(faults)
    return Asked(query.period, days, periods, ReportFilters(department=query.department))


def trend(today: date) -> list[Days]:
    """Return the months of the dashboard's trend, the running one whole."""
    first, following = beginning("monthly", today, 1 - _USUAL), beginning("monthly", today, 1)
    return split("monthly", Days(first, following - timedelta(days=1)), _USUAL)


def _faults(given: Mapping[str, date | None], days: Days) -> Iterator[Fault]:
    for name, day in given.items():
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            yield Fault(name, f"Must be from {FIRST_DAY} to {LAST_DAY}.")
    if days.first > days.last:
        yield Fault("start_date", f"Must not come after the last day, {days.last}.")
