"""Which sessions were ended lately: what an access token is checked against, mostly without asking the database.

An access token lives some minutes, so those that were ended within so long are all that has to be known. Each process
keeps them, is told by NOTIFY when there are more, and looks every second as a net. From the moment at which it is told
until it has looked, and while nobody could tell it, it asks the database about each request's session by itself.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from ledger.bell import Bell
from ledger.queries import queries

log = structlog.get_logger(__name__)

_SQL = queries("api", "sessions")
CHANNEL = "flowledger_sessions"
_LOOK_SECONDS = 1.0
#: A token that was made while its session was being ended is a little younger than the end.
_MARGIN_SECONDS = 60


class Ended:
    """The sessions that were ended within the life of an access token."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], bell: Bell, access_seconds: int) -> None:
        """Know nothing yet: `follow` does the rest. The bell must ring for CHANNEL."""
        self._pool = pool
        self._bell = bell
        self._kept = timedelta(seconds=access_seconds + _MARGIN_SECONDS)
        self._ended: dict[UUID, datetime] = {}
        self._since = datetime.fromtimestamp(0, UTC)
        self._news = asyncio.Event()
        self._heard = 0
        self._looked = -1
        bell.on(CHANNEL, self.hear)

    def hear(self) -> None:
        """Take note that there is news: until it is read, what is known is not relied on."""
        self._heard += 1
        self._news.set()

    @property
    def is_sure(self) -> bool:
        """Whether what is known is all there is to know."""
        return self._bell.listening and self._looked == self._heard

    async def holds(self, session: UUID) -> bool:
        """Tell whether a session was ended."""
        if self.is_sure:
            return session in self._ended
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_SQL.is_live, (session,), prepare=True)).fetchone()
        return row is None or not row[0]

    async def follow(self) -> None:
        """Keep up for ever, whatever befalls the database."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_SECONDS)
            self._news.clear()
            try:
                await self._look()
            except (psycopg.Error, PoolTimeout, PoolClosed) as error:
                self._looked = -1
                log.debug("database_away", task="sessions", error=str(error))
                await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        heard = self._heard
        given = {"since": self._since, "seconds": self._kept.total_seconds()}
        async with self._pool.connection() as connection:
            found = await (await connection.execute(_SQL.ended_since, given, prepare=True)).fetchall()
        self._ended.update(found)
        self._since = max([self._since, *(at for _, at in found)])
        oldest = self._since - self._kept
        self._ended = {session: at for session, at in self._ended.items() if at > oldest}
        self._looked = heard
