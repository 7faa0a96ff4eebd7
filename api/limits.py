"""Rate limits that several API processes hold together: a dictionary look-up for most requests.

See `docs/decisions/rate-limits.md` for why, and what a crash costs.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

import psycopg
import structlog
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from api.limits_count import Ask, Back, Counts, Taken
from api.limits_portion import HOUR_SECONDS, Portion, Verdict
from domain.errors import Unavailable
from ledger.tasks import end

log = structlog.get_logger(__name__)

_AWAY = (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests)
#: Callers that a process knows at once; some 300 bytes each.
_MOST_CALLERS = 20_000
#: A portion that was not used for so long is given back.
_IDLE_SECONDS = 10.0
_SWEEP_SECONDS = 5.0
_FORGET_SECONDS = 600.0
#: Counts that can't be reached are not tried again for so long.
_AWAY_SECONDS = 1.0
_AT_ONCE = 1_000


class Limits:
    """Portions of all callers that this process has heard of lately.

    Each method must be called on one event loop.
    """

    def __init__(
        self, counts: Counts, clock: Callable[[], float] = time.time, most_callers: int = _MOST_CALLERS
    ) -> None:
        """Take the common counts, and a clock of Unix time."""
        self._counts = counts
        self._clock = clock
        self._most = most_callers
        self._portions: dict[str, Portion] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._backs: dict[tuple[int, str], int] = {}
        self._away_until = 0.0
        self._settling: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Give back what is idle from now on."""
        self._sweeping = asyncio.create_task(self._sweep_now_and_then(), name="rate-limits")

    async def stop(self) -> None:
        """Give back all that is left."""
        await end([task for task in (self._sweeping, self._settling) if task is not None])
        self._drop(list(self._portions))
        try:
            await self._give_back()
        except _AWAY as error:
            log.warning("rate_limits_not_given_back", error=str(error))

    def admit(self, caller: str, ceiling: int) -> Verdict | None:
        """Let a request in or refuse it at once; None where the common count has to be asked: see `ask`."""
        now = self._clock()
        portion = self._portions.get(caller)
        if portion is None or now >= portion.reset or portion.ceiling != ceiling:
            return None
        return portion.admit(now)

    async def ask(self, caller: str, ceiling: int) -> Verdict:
        """Let a request in or refuse it, with more of the common count. Raises Unavailable where that is away."""
        while True:
            now = self._clock()
            portion = self._portion(caller, ceiling, now)
            verdict = portion.admit(now)
            if verdict is not None:
                return verdict
            if now < self._away_until:
                raise Unavailable("The database is away; ask again in a moment.")
            await self._more(caller, portion)

    async def sweep(self) -> None:
        """Give back what was not used for a while, and forget those callers."""
        before = self._clock() - _IDLE_SECONDS
        self._drop([caller for caller, portion in self._portions.items() if portion.used_at < before])
        await self._give_back()

    async def forget(self) -> None:
        """Drop the common counts of hours that are over, on all clocks that are not an hour apart."""
        await self._counts.forget(int(self._clock() // HOUR_SECONDS) - 1)

    def _portion(self, caller: str, ceiling: int, now: float) -> Portion:
        """Return the caller's portion of this hour under this limit."""
        portion = self._portions.get(caller)
        if portion is None or now >= portion.reset:
            if len(self._portions) >= self._most:
                self._shed()
            portion = self._portions[caller] = Portion(int(now // HOUR_SECONDS), ceiling, now)
        elif portion.ceiling != ceiling:
            self._back(portion.hour, caller, portion.limited(ceiling))
        return portion

    async def _more(self, caller: str, portion: Portion) -> None:
        """Wait until the common count was asked on the caller's behalf, whatever came of it."""
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, []).append(asked)
        portion.waiting += 1
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle(), name="rate-limits-settle")
        try:
            await asked
        finally:
            portion.waiting -= 1

    async def _settle(self) -> None:
        """Ask the common counts for all who wait, together, until nobody does."""
        while self._waiting:
            callers = list(self._waiting)[:_AT_ONCE]
            waiting = [self._waiting.pop(caller) for caller in callers]
            try:
                await self._give_back()
                await self._take(callers)
            except Exception as error:  # noqa: BLE001 - whoever waits must be answered, and must not ask at once again
                self._away_until = self._clock() + _AWAY_SECONDS
                log.warning("rate_limits_away", error=str(error))
            finally:
                for asked in (one for those in waiting for one in those):
                    if not asked.done():
                        asked.set_result(None)

    async def _take(self, callers: Iterable[str]) -> None:
        known = [(caller, self._portions[caller]) for caller in callers if caller in self._portions]
        asks = {it: Ask(at.hour, it, at.ceiling, wanted) for it, at in known if (wanted := at.wanted())}
        for taken in await self._counts.take(list(asks.values())) if asks else ():
            self._told(asks[taken.caller], taken)

    def _told(self, ask: Ask, taken: Taken) -> None:
        portion = self._portions.get(ask.caller)
        if portion is not None and (portion.hour, portion.ceiling) == (ask.hour, ask.ceiling):
            portion.told(taken.granted, taken.taken, self._clock())
        else:  # The hour or the limit changed meanwhile.
            self._back(ask.hour, ask.caller, taken.granted)

    def _drop(self, callers: Iterable[str]) -> None:
        """Forget callers of whom nobody waits, and remember to give back what they have left."""
        for caller in callers:
            portion = self._portions[caller]
            if not portion.waiting:
                del self._portions[caller]
                self._back(portion.hour, caller, portion.left)

    def _shed(self) -> None:
        """Make room: of too many callers the quarter that was quiet for longest is forgotten."""
        by_use = sorted(self._portions, key=lambda caller: self._portions[caller].used_at)
        self._drop(by_use[: self._most // 4 + 1])

    def _back(self, hour: int, caller: str, amount: int) -> None:
        if amount and len(self._backs) < self._most:
            self._backs[hour, caller] = self._backs.get((hour, caller), 0) + amount

    async def _give_back(self) -> None:
        """Give back what is due, that of this hour; what can't be given back now is kept for the next time."""
        hour = int(self._clock() // HOUR_SECONDS)
        due, self._backs = self._backs, {}
        backs = [Back(*key, amount) for key, amount in due.items() if key[0] >= hour]
        while backs:
            now, backs = backs[:_AT_ONCE], backs[_AT_ONCE:]
            try:
                await self._counts.give_back(now)
            except _AWAY:
                for back in (*now, *backs):
                    self._back(*back)
                raise

    async def _sweep_now_and_then(self) -> None:
        forgotten_at = 0.0
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self.sweep()
                if self._clock() - forgotten_at > _FORGET_SECONDS:
                    await self.forget()
                    forgotten_at = self._clock()
            except _AWAY as error:
                log.debug("rate_limits_away", error=str(error))
