"""What one process may still admit of one caller in one hour: the arithmetic of rate limits, without clock or database.

All processes take from one count a caller and hour. A process takes a portion at a time and counts it down in memory,
so the count never passes the limit, and most requests ask nobody.
"""

from typing import NamedTuple

HOUR_SECONDS = 3600
#: A portion is at most this part of what is left, so that another process finds something too.
_SHARE = 16
#: For so long a limit that was reached is believed; then it is asked again, as others may have given back.
REFUSED_SECONDS = 1.0


class Verdict(NamedTuple):
    """Whether a request is let in; requests an hour, how many are left, and when the next hour begins (Unix time)."""

    admitted: bool
    limit: int
    remaining: int
    reset: int


class Portion:
    """A process's portion of a caller's hour.

    ceiling: the limit. left: what may be admitted without asking. taken: the common count as last told, all portions in
    it, ours too. waiting: how many requests wait for more. used_at: Unix time of the last request.
    """

    __slots__ = ("_again_at", "_size", "ceiling", "hour", "left", "reset", "taken", "used_at", "waiting")

    def __init__(self, hour: int, ceiling: int, now: float) -> None:
        """Begin with nothing. hour: counted from the epoch."""
        self.hour = hour
        self.reset = (hour + 1) * HOUR_SECONDS
        self.ceiling = ceiling
        self.left = 0
        self.taken = 0
        self.waiting = 0
        self.used_at = now
        self._size = 0
        self._again_at = 0.0

    def admit(self, now: float) -> Verdict | None:
        """Let a request in, or refuse it; None: it takes more than is left, so ask for more first."""
        self.used_at = now
        if self.left > 0:
            self.left -= 1
            return Verdict(admitted=True, limit=self.ceiling, remaining=self.remaining, reset=self.reset)
        if now < self._again_at:
            return Verdict(admitted=False, limit=self.ceiling, remaining=0, reset=self.reset)
        return None

    @property
    def remaining(self) -> int:
        """How many requests are left this hour, as far as this process was told."""
        return max(self.ceiling - self.taken, 0) + self.left

    def wanted(self) -> int:
        """Return how much to ask for: what waits, and beyond it twice what was asked for last, a share at most.

        0 where what is left is enough for all who wait: others were answered meanwhile.
        """
        missing = self.waiting - self.left
        if missing <= 0 < self.left:
            return 0
        self._size = max(1, min(2 * self._size, (self.ceiling - self.taken) // _SHARE))
        return max(missing, self._size)

    def told(self, granted: int, taken: int, now: float) -> None:
        """Take note of what was granted, and of the common count with it."""
        self.left += granted
        self.taken = taken
        self._again_at = now + REFUSED_SECONDS if taken >= self.ceiling else 0.0

    def limited(self, ceiling: int) -> int:
        """Go on under another limit; return what is left of the portion, which must be given back."""
        left, self.left = self.left, 0
        self.taken -= left
        self.ceiling = ceiling
        self._size = 0
        self._again_at = 0.0
        return left
