"""What follows an attempt: delivered, tried again later, given up, or the endpoint disabled. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from msgspec import Struct

PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"

#: Seconds before each attempt.
SCHEDULE = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
#: A wait is stretched by up to this part of it, so that what failed together is not tried again together.
JITTER = 0.2
#: The longest that a target may ask us to wait, in seconds.
LONGEST_ASKED = 86_400.0

_SUCCESS = range(200, 300)
_GONE = 410


class Answer(Struct, frozen=True, kw_only=True):
    """How an attempt ended: a status or an error, what Retry-After said, and how long it took."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    milliseconds: int = 0


class Verdict(NamedTuple):
    """What a delivery is after an attempt; seconds until the next one; whether the endpoint is no more."""

    state: str
    wait: float | None = None
    gone: bool = False


def judge(answer: Answer, attempts: int, schedule: Sequence[float], draw: float, now: datetime) -> Verdict:
    """Return what follows the attempt that makes `attempts` of them. `draw`: random, from 0 to below 1."""
    if answer.status in _SUCCESS:
        return Verdict(DELIVERED)
    if answer.status == _GONE:
        return Verdict(FAILED, gone=True)
    if attempts >= len(schedule):
        return Verdict(FAILED)
    wait = schedule[attempts] * (1 + JITTER * draw)
    return Verdict(PENDING, max(wait, asked_wait(answer.retry_after, now)))


def asked_wait(retry_after: str | None, now: datetime) -> float:
    """Return the seconds that a Retry-After asks for, within bounds; 0 where it asks nothing that can be read."""
    if retry_after is None:
        return 0.0
    text = retry_after.strip()
    seconds = float(text) if text.isascii() and text.isdigit() else _until(text, now)
    return min(max(seconds, 0.0), LONGEST_ASKED)


def _until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return 0.0
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
