"""Times as people write them: the one reading of them, for filters, for `as_of` and on the command line."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)

_LAST = datetime.max.replace(tzinfo=UTC)

NOT_A_TIME: Final = "Not a date or a time: 2024-01-15 or 2024-01-15T09:30:00Z."


def moment(text: str, *, end: bool = False) -> datetime:
    """Return a date or a time in UTC; a naive one is UTC, a date is the day's begin.

    end: return the first moment past it instead, so that a bound takes in its whole day, or its second: times are shown
    in whole seconds, and what is shown as the bound is within it.

    Raises ValueError where the text is neither, or not on the calendar.
    """
    try:
        if _DAY.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return _past(day, timedelta(days=1)) if end else day
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        parsed = datetime.fromisoformat(text)
        parsed = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
        if not end:
            return parsed
        return _past(parsed, timedelta(microseconds=1) if "." in text else timedelta(seconds=1))
    except OverflowError as error:
        raise ValueError(text) from error


def day_or_moment(text: str) -> datetime:
    """Return a time in UTC; a date as a naive midnight, since which moments that day has depends on the zone.

    Raises ValueError as `moment` does.
    """
    found = moment(text)
    return found.replace(tzinfo=None) if _DAY.fullmatch(text) else found


def _past(begin: datetime, length: timedelta) -> datetime:
    """Return the first moment past a day or a second; of the calendar's last one, its own last."""
    return begin + length if begin <= _LAST - length else _LAST
