"""What tests of rate limits share: counts in memory, and a clock that stands still."""

from collections.abc import Sequence

import psycopg

from api.limits import Limits
from api.limits_count import Ask, Back, Taken
from api.limits_portion import HOUR_SECONDS

#: The beginning of some hour.
BEGIN = 500_000 * HOUR_SECONDS


class Clock:
    """Unix time, moved by hand."""

    def __init__(self) -> None:
        self.now = float(BEGIN)

    def __call__(self) -> float:
        return self.now


class MemoryCounts:
    """The counts as the statements in `api/sql/limits.sql` keep them."""

    def __init__(self) -> None:
        self.taken: dict[tuple[int, str], int] = {}
        self.away = False
        self.asked = 0

    async def take(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        self._reach()
        found = []
        for ask in asks:
            before = self.taken.get((ask.hour, ask.caller), 0)
            granted = max(min(ask.amount, ask.ceiling - before), 0)
            self.taken[ask.hour, ask.caller] = before + granted
            found.append(Taken(ask.hour, ask.caller, granted, before + granted))
        return found

    async def give_back(self, backs: Sequence[Back]) -> None:
        self._reach()
        for back in backs:
            if (back.hour, back.caller) in self.taken:
                left = self.taken[back.hour, back.caller] - back.amount
                self.taken[back.hour, back.caller] = max(left, 0)

    async def forget(self, before: int) -> None:
        self.taken = {key: count for key, count in self.taken.items() if key[0] >= before}

    def _reach(self) -> None:
        self.asked += 1
        if self.away:
            raise psycopg.OperationalError("away")


async def admitted(limits: Limits, caller: str, ceiling: int) -> bool:
    """Ask for one request as the gate does."""
    verdict = limits.admit(caller, ceiling) or await limits.ask(caller, ceiling)
    return verdict.admitted
