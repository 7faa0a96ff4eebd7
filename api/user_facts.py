"""Facts about a user that no door of his asked for: a lock, a stolen token, a password reset at the command line."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import PoolClosed, PoolTimeout

from domain.errors import FlowledgerError
from domain.events import Actor, Event, stream_id
from domain.platform.users import USERS, User
from ledger.append import Append, Plan, Proposed, Statement, VersionConflict
from ledger.codec import Codec
from ledger.read import read_stream
from ledger.writer import Writer

log = structlog.get_logger(__name__)

#: Who acts where nobody does.
SYSTEM = Actor(id=None, administrator=True)
_TRIES = 10

Connections = Callable[[], AbstractAsyncContextManager[AsyncConnection[Any]]]
Decide = Callable[[User], Sequence[Event]]
#: Other users on whose records a decision stands: where one of them is changed meanwhile, it is made again.
Others = Callable[[AsyncConnection[Any], User], Awaitable[Sequence[User]]]


async def nobody_else(_: AsyncConnection[Any], __: User) -> Sequence[User]:
    """Stand on nobody else's record."""
    return ()


class UserFacts:
    """Appends to the streams of users."""

    def __init__(self, connections: Connections, writer: Writer, codec: Codec) -> None:
        """Read through connections, append through the writer."""
        self._connections = connections
        self._writer = writer
        self._codec = codec
        self._under_way: dict[tuple[int, str], asyncio.Task[None]] = {}

    async def record(
        self, number: int, decide: Decide, statements: Sequence[Statement] = (), others: Others = nobody_else
    ) -> None:
        """Append what `decide` makes of a user, with statements, again where another was faster; nothing of nothing.

        Raises LookupError where there is no such user, VersionConflict where others are faster again and again.
        """
        for _ in range(_TRIES):
            async with self._connections() as connection:
                rows = await read_stream(connection, stream_id(USERS.kind, number))
            user = USERS.fold(self._codec.recorded(rows))
            if user is None:
                raise LookupError(f"There is no user {number}.")
            events = decide(user)
            if not events:
                return
            async with self._connections() as connection:
                stands_on = await others(connection, user)
            try:
                await self._writer.append(self._following(user, events, statements, stands_on))
            except VersionConflict:
                continue
            return
        raise VersionConflict(f"Too many others change user {number} at the moment.")

    def soon(self, number: int, what: str, decide: Decide, statements: Sequence[Statement] = ()) -> None:
        """Record it while the answer goes out, which must take no longer for it; once, while it is under way."""
        if (number, what) in self._under_way:
            return
        task = asyncio.create_task(self._try(number, what, decide, statements), name=what)
        self._under_way[number, what] = task
        task.add_done_callback(lambda _: self._under_way.pop((number, what)))

    async def settled(self) -> None:
        """Wait until what is under way is recorded."""
        await asyncio.gather(*self._under_way.values())

    async def _try(self, number: int, what: str, decide: Decide, statements: Sequence[Statement]) -> None:
        try:
            await self.record(number, decide, statements)
        except (FlowledgerError, psycopg.Error, PoolTimeout, PoolClosed) as error:
            log.warning("user_fact_not_recorded", what=what, user=number, error=str(error))

    def _following(
        self, user: User, events: Sequence[Event], statements: Sequence[Statement], stands_on: Sequence[User]
    ) -> Append:
        proposed = [
            Proposed(user.stream, version, event.topic, self._codec.encode(event))
            for version, event in enumerate(events, user.version + 1)
        ]
        expected = [*((it.stream, it.version) for it in proposed), *((it.stream, it.version + 1) for it in stands_on)]
        return Append(lambda _: Plan(proposed, statements), expected)
