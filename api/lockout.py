"""What somebody proves who he is with: compared, and counted where it is wrong; after some of that none is taken for a
while. See docs/decisions/sessions.md.

Whoever asks learns nothing: a password that is wrong, a one-time code that is, one that comes while none is taken, and
one of a name that there is none of, take the same statements and the same hashing.
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakValueDictionary

import structlog
from psycopg import AsyncConnection

from api import second_factor
from domain.events import Attempt, Event
from domain.platform.users import USERS, User
from ledger.append import Statement
from ledger.queries import queries
from projections.people import People

if TYPE_CHECKING:
    from api.doors import Doors

log = structlog.get_logger(__name__)

_SQL = queries("api", "auth")
#: How long tries that are under way in other processes are waited for, and how often they are asked for.
_PATIENCE_SECONDS, _PAUSE_SECONDS = 2.0, 0.05


class Proof(NamedTuple):
    """What somebody gives to prove who he is.

    code: the one-time code, a must where codes are set up. names: whether the user name that he gave with it is his.
    """

    password: str
    code: str | None = None
    names: bool = True


class Tried(NamedTuple):
    """What came of a proof.

    good: all of it is right. why: what was wrong, for the record alone: `unknown` (no such user, or not his name),
    `inactive`, `locked`, `wrong_password` or `second_factor`. hash: the password's. changed_at: when it was set.
    locked: nothing is taken at the moment.
    """

    good: bool
    hash: str
    locked: bool
    why: str
    changed_at: datetime


class _Taken(NamedTuple):
    """A try: what it is compared with, whether it counts, how many failed before, and whether a lock stands."""

    hash: str | None = None
    counts: bool = False
    failed: int = 0
    locked: bool = False
    changed_at: datetime = datetime.max.replace(tzinfo=UTC)
    seed: bytes | None = None
    last_step: int = 0


def _always(_: datetime) -> bool:
    return True


class Lockout:
    """Compares passwords and one-time codes, so many tries at most until one is right."""

    def __init__(self, doors: "Doors") -> None:
        """Work with the parts behind the doors."""
        self._doors = doors
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def check(
        self,
        user: int,
        proof: Proof,
        turn: Hashable,
        attempt: Attempt,
        spends: Callable[[datetime], bool] = _always,
    ) -> Tried:
        """Compare what a user (0: nobody) proves himself with, one at a time for each `turn`.

        attempt: what a lock that follows is recorded with. spends: whether the code is spent, by when the password was
        set: one that is of no use with a password of that age is left for the next try.
        """
        async with self._turns.setdefault(turn, asyncio.Lock()):
            taken, right = await self._take(user), False
            good: bool | None = None
            try:
                right = await self._doors.passwords.matches(proof.password, taken.hash)
                good = await self._whole(user, taken, proof, spends, right=right and taken.counts and proof.names)
            finally:
                # Of nobody where it does not count: it takes as long. One that broke on the way counts as none.
                failed = await self._settle(user if taken.counts else 0, good=good)
        failed = failed if taken.counts else taken.failed
        if not good and not taken.locked and failed >= self._most:
            self._lock(user, failed, attempt)
        why = "" if good else _why(user, taken, proof, right=right)
        return Tried(good, taken.hash or "", bool(taken.hash) and not taken.counts, why, taken.changed_at)

    async def _whole(
        self, user: int, taken: _Taken, proof: Proof, spends: Callable[[datetime], bool], *, right: bool
    ) -> bool:
        """Tell whether a proof is good: with all else `right` the one-time code, where one is asked for, is spent."""
        if taken.seed is None:
            return right and not await self._lost(user)
        step = second_factor.step_of(self._doors.vault, user, taken.seed, proof.code or "")
        if not right or step is None or step <= taken.last_step:
            return False
        if not spends(taken.changed_at):
            return True
        async with self._doors.pool.connection() as connection:
            return await second_factor.spend(connection, user, step)

    async def _lost(self, user: int) -> bool:
        """Tell whether the ledger knows of codes: what they are made from was lost, and the password is not enough.

        Asked of who gave the right password alone: how long it takes tells nobody else anything.
        """
        people = self._doors.people
        async with self._doors.pool.connection() as connection:
            if not await _has_codes(people, connection, user):
                return False
            people.forget()  # They may have been removed since, by another process.
            return await _has_codes(people, connection, user)

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

    async def _settle(self, user: int, *, good: bool | None) -> int:
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


async def _has_codes(people: People, connection: AsyncConnection[Any], user: int) -> bool:
    it = (await people.get(connection, {user})).get(user)
    return it is not None and it.second_factor


def _why(user: int, taken: _Taken, proof: Proof, *, right: bool) -> str:
    if not user or not proof.names:
        return "unknown"
    if taken.hash is None:
        return "inactive"
    if not taken.counts:
        return "locked"
    return "second_factor" if right else "wrong_password"
