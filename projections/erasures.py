"""Erasing people: what a fact says is destroyed is destroyed, whatever crashed in between. See docs/howto/erasure.md.

The fact comes first, and with it a row of `ops.erasures`, which this module alone reads and writes: from then on
everything shows "erased user 17". The keys go after it, and again whenever somebody put them back: an old folder of
keys, or a request that was under way. The printed name goes once no such request can record it any more.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from domain.events import Actor, Attempt, stream_id
from domain.platform.erased import UserErased
from domain.platform.retention import retained_until
from domain.platform.users import USERS, User
from ledger.append import Append, Plan, Proposed, Statement, VersionConflict
from ledger.arrays import UuidColumn
from ledger.codec import Codec
from ledger.keys import KeyMissing
from ledger.queries import queries
from ledger.writer import Writer
from projections.delivery_log import DISPATCH, body_context
from projections.kept import Kept, kept, streams_of
from projections.standing import settings_now
from projections.streams import histories
from projections.unnamed import unnamed

log = structlog.get_logger(__name__)

_SQL = queries("projections", "erasures")
_CHUNK = 500
#: Seconds after which no request, and no batch, is under way any more that began before an erasure.
_PATIENCE_SECONDS = 60.0
_NAME = "name"
_REASON = "No record keeps the name any more."

Connections = Callable[[], AbstractAsyncContextManager[AsyncConnection[Any]]]


class _Erased(NamedTuple):
    """A row: whose it is, whether the printed name's key is still kept, whether bodies are done.

    settled: whether nothing is under way any more that began before; passed: whether bodies need one look only.
    """

    user: int
    subject: UUID
    named: bool
    finished: bool
    settled: bool
    passed: bool


class _Look(NamedTuple):
    """When a printed name is looked after again, and the years of retention that this was reckoned with."""

    due: datetime
    years: int


def begun(user: User) -> Statement:
    """Return what is committed with the fact that a user is erased."""
    return Statement(_SQL.begin, (user.id, user.stream, user.name.subject))


async def erased_since(connection: AsyncConnection[Any], since: datetime) -> list[int]:
    """Return who was erased since then, by id."""
    return [user for (user,) in await (await connection.execute(_SQL.since, (since,))).fetchall()]


class Erasures:
    """Destroys what is left of erased people. Any number of processes may do it at once: each step is a no-op again."""

    def __init__(
        self,
        connections: Connections,
        writer: Writer,
        codec: Codec,
        *,
        now: Callable[[], datetime],
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        """Read through connections, append through the writer, go by a clock."""
        self._connections = connections
        self._writer = writer
        self._codec = codec
        self._now = now
        self._patience = patience_seconds
        self._seen: set[int] = set()
        self._looks: dict[int, _Look] = {}

    async def users(self) -> list[int]:
        """Return everybody who was erased, by id."""
        return [row.user for row in await self._rows()]

    async def destroy(self) -> None:
        """Destroy the keys of everybody who was erased, whoever put them there. Raises psycopg.Error, OSError."""
        await self._destroy(await self._rows())

    async def once(self) -> None:
        """Do what there is to be done about bodies and printed names: one look at the ledger for all of it."""
        rows = await self._rows()
        bodies = [row for row in rows if not row.finished and (row.passed or row.user not in self._seen)]
        due = await self._due(row.user for row in rows if row.named and row.settled)
        if not bodies and not due:
            return
        async with self._connections() as connection:
            streams = await streams_of(connection, {*(row.user for row in bodies), *due})
        for row in bodies:
            await self._unname_bodies(row.user, streams[row.user])
            self._seen.add(row.user)
            if row.passed:
                async with self._connections() as connection:
                    await connection.execute(_SQL.finish, (row.user,))
        for user, years in due.items():
            found = await self._look(user, streams[user])
            # What is open now is kept for the whole time at least.
            self._looks[user] = _Look(found.until or retained_until(self._now(), years), years)

    async def settle(self, user: int) -> Kept:
        """Do for one person, at once, all that can be done now; return what keeps the printed name."""
        rows = [row for row in await self._rows() if row.user == user]
        await self._destroy(rows)
        async with self._connections() as connection:
            streams = (await streams_of(connection, {user}))[user]
        await self._unname_bodies(user, streams)
        if any(row.settled for row in rows):
            return await self._look(user, streams)
        async with self._connections() as connection:
            return await kept(connection, self._codec, streams)

    async def _rows(self) -> list[_Erased]:
        given = {"patience": self._patience, "dispatch": DISPATCH, "erased": UserErased.topic}
        async with self._connections() as connection:
            return [_Erased(*row) for row in await (await connection.execute(_SQL.all, given)).fetchall()]

    async def _destroy(self, rows: Iterable[_Erased]) -> None:
        await self._destroy_keys({row.subject: (_NAME,) if row.named else () for row in rows})

    async def _destroy_keys(self, people: dict[UUID, tuple[str, ...]]) -> None:
        if people and (found := await asyncio.to_thread(self._codec.vault.keys.destroy, people)):
            log.info("keys_destroyed", keys=found)

    async def _due(self, users: Iterable[int]) -> dict[int, int]:
        """Return whose printed names it is time to look after, each with the years of retention that there are."""
        async with self._connections() as connection:
            years = (await settings_now(connection, self._codec)).retention_years
        now, known = self._now(), self._looks
        return {
            user: years for user in users if user not in known or known[user].years != years or known[user].due <= now
        }

    async def _look(self, user: int, streams: Collection[UUID]) -> Kept:
        """Return what keeps a printed name; where nothing does, erase it."""
        async with self._connections() as connection:
            found = await kept(connection, self._codec, streams)
        if not found.holds(self._now()):
            await self._erase_name(user)
        return found

    async def _erase_name(self, user: int) -> None:
        stream = stream_id(USERS.kind, user)
        async with self._connections() as connection:
            events = (await histories(connection, self._codec, [stream]))[stream]
        it = USERS.fold(events)
        if it is None or it.printed is None:
            return
        system = Attempt(actor=Actor(id=None, administrator=True), reason=_REASON)
        event = USERS.decide(USERS.step("erase_name"), it, system, {})
        version = it.version + 1
        plan = Plan(
            [Proposed(stream, version, event.topic, self._codec.encode(event))], [Statement(_SQL.unname, (user,))]
        )
        try:
            await self._writer.append(Append(lambda _: plan, [(stream, version)]))
        except VersionConflict:
            return  # Another process did it.
        log.info("printed_name_erased", user=user)
        await self._destroy_keys({it.name.subject: ()})

    async def _unname_bodies(self, user: int, streams: Collection[UUID]) -> None:
        """Seal bodies of deliveries anew, without the name: also those that were made, as they can be made again."""
        after = ""
        async with self._connections() as connection:
            given = {"streams": UuidColumn(list(streams)), "most": _CHUNK}
            while rows := await (await connection.execute(_SQL.bodies, {**given, "after": after})).fetchall():
                after = rows[-1][0]
                for delivery, sealed in rows:
                    body = self._without(user, delivery, bytes(sealed))
                    if body is not None:
                        await connection.execute(_SQL.replace_body, (body, delivery))

    def _without(self, user: int, delivery: str, sealed: bytes) -> bytes | None:
        vault, context = self._codec.vault, body_context(delivery)
        try:
            body = unnamed(vault.open(sealed, context), user)
        except KeyMissing:  # Nobody reads it any more.
            return None
        return None if body is None else vault.seal(body, context)
