"""Text and times as clients write them."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
#: Control characters but tab and newline, and halves of surrogate pairs.
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
#: What else does not belong on one line.
_BREAKS = re.compile("[\t\n\u2028\u2029]")

NOT_A_TIME = "Not a date or a time: 2024-01-15 or 2024-01-15T09:30:00Z."


def moment(text: str, *, end: bool = False) -> datetime:
    """Return a date or a time in UTC; a naive one is UTC, a date is the day's begin.

    end: return the first moment past it instead, so that a bound takes in its whole day, or its second: times are shown
    in whole seconds, and what is shown as the bound is within it.

    Raises ValueError where the text is neither, or not on the calendar.
    """
    try:
        if _DAY.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1) if end else day
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        parsed = datetime.fromisoformat(text)
        parsed = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
        if not end:
            return parsed
        return parsed + (timedelta(microseconds=1) if "." in text else timedelta(seconds=1))
    except OverflowError as error:
        raise ValueError(text) from error


def clean(text: str, *, verbatim: bool = False, line: bool = False) -> str:
    """Return text in NFC, or as it is where it is `verbatim`.

    Raises ValueError for characters that are not allowed; of a `line`, those are tabs and line breaks too.
    """
    if _REFUSED.search(text):
        raise ValueError("Control characters are not allowed.")
    if line and _BREAKS.search(text):
        raise ValueError("Must be on one line, without control characters.")
    return text if verbatim else unicodedata.normalize("NFC", text)


def readable(text: str) -> bool:
    """Tell whether text says something, in characters that are allowed."""
    return bool(text.strip()) and not _REFUSED.search(text)
