"""Wrong passwords are counted, and after some of them none is taken for a while; see docs/decisions/sessions.md.

Whoever asks learns nothing: a password that is wrong, one that comes while none is taken, and one of a name that there
is none of, take the same statements and the same hashing.
"""

import asyncio
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary

import structlog

from domain.events import Attempt, Event
from domain.platform.users import USERS, User
from ledger.append import Statement
from ledger.queries import queries

if TYPE_CHECKING:
    from api.doors import Doors

log = structlog.get_logger(__name__)

_SQL = queries("api", "auth")
#: How long tries that are under way in other processes are waited for, and how often they are asked for.
_PATIENCE_SECONDS, _PAUSE_SECONDS = 2.0, 0.05


class Tried(NamedTuple):
    """What came of a password: whether it is right, and taken; its hash; `locked`: none is taken at the moment."""

    good: bool
    hash: str
    locked: bool


class _Taken(NamedTuple):
    """A try: what it is compared with, whether it counts, how many failed before, and whether a lock stands."""

    hash: str | None = None
    counts: bool = False
    failed: int = 0
    locked: bool = False


class Lockout:
    """Compares passwords, so many tries at most until one is right."""

    def __init__(self, doors: "Doors") -> None:
        """Work with the parts behind the doors."""
        self._doors = doors
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def check(self, user: int, password: str, turn: Hashable, attempt: Attempt) -> Tried:
        """Compare a user's password (of user 0: nobody's), one at a time for each `turn`.

        attempt: what a lock that follows is recorded with.
        """
        async with self._turns.setdefault(turn, asyncio.Lock()):
            taken = await self._take(user)
            right = await self._doors.passwords.matches(password, taken.hash)
            # Of nobody where it does not count: it takes as long.
            failed = await self._settle(user if taken.counts else 0, good=right)
        good = right and taken.counts
        failed = failed if taken.counts else taken.failed
        if not good and not taken.locked and failed >= self._most:
            self._lock(user, failed, attempt)
        return Tried(good, taken.hash or "", taken.locked)

    @property
    def _most(self) -> int:
        return self._doors.standing.settings.lockout_attempts

    @property
    def _time(self) -> timedelta:
        return timedelta(minutes=self._doors.standing.settings.lockout_minutes)

    async def _take(self, user: int) -> _Taken:
        """Count a try before it is compared. One too many waits for those under way: they may be right."""
        until = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        given = {"user": user, "most": self._most, "time": self._time}
        while True:
            async with self._doors.pool.connection() as connection:
                row = await (await connection.execute(_SQL.take_try, given, prepare=True)).fetchone()
            taken = _Taken(*row) if row else _Taken()
            settled = taken.counts or taken.locked or taken.failed >= self._most or taken.hash is None
            if settled or asyncio.get_running_loop().time() > until:
                return taken
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _settle(self, user: int, *, good: bool) -> int:
        given = {"user": user, "good": good}
        async with self._doors.pool.connection() as connection:
            row = await (await connection.execute(_SQL.settle_try, given, prepare=True)).fetchone()
        return int(row[0]) if row else 0

    def _lock(self, user: int, failures: int, attempt: Attempt) -> None:
        until = datetime.now(UTC) + self._time

        def decide(it: User) -> Sequence[Event]:
            if it.locked_until is not None and it.locked_until > datetime.now(UTC):
                return []
            return [USERS.decide(USERS.step("lock"), it, attempt, {"until": until, "failures": failures})]

        log.warning("user_locked", user=user, until=until.isoformat())
        self._doors.user_facts.soon(user, "lock", decide, [Statement(_SQL.lock, {"user": user, "until": until})])
