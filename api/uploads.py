"""Files on their way into the record: each is stored before the append of the event that refers to it.

A row says that a file is under way; the append deletes it, in the same commit. What still has a row came to nothing: at
once where we know it, after a day where the process that knew is gone. So nothing that an event refers to is ever
removed, and nothing else stays.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from api.begun import Begun
from api.places import Places
from domain.errors import Unavailable
from ledger.append import Statement
from ledger.queries import queries
from ledger.store import Files, StoreAway, new_key

log = structlog.get_logger(__name__)

_SQL = queries("api", "uploads")
#: Each holds a few blocks in memory.
_UPLOADS, _UPLOADS_EACH = 32, 3
_DOWNLOADS, _DOWNLOADS_EACH = 64, 4
_PATIENCE_SECONDS = 10.0
_CROWDED_IN = "Too many files are coming in at the moment; send it again later."
_CROWDED_OUT = "Too many files are going out at the moment; ask again later."
#: Far less than what `end_old` gives them.
_LONGEST_SECONDS = 3600.0


class Uploads:
    """The uploads of a process, and the store that they go to.

    downloads: the places of those who read from it; begun: what they read of late.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], files: Files) -> None:
        """Take the parts."""
        self._pool = pool
        self.files = files
        self._places = Places(_UPLOADS, _UPLOADS_EACH, _PATIENCE_SECONDS, _CROWDED_IN)
        self.begun = Begun()
        self.downloads = Places(_DOWNLOADS, _DOWNLOADS_EACH, _PATIENCE_SECONDS, _CROWDED_OUT)

    @asynccontextmanager
    async def place(self, user: int) -> AsyncIterator[None]:
        """Wait for room for one more of a user, then hold it. Raises Unavailable where it takes long, either way."""
        async with self._places.place(user):
            try:
                async with asyncio.timeout(_LONGEST_SECONDS):
                    yield
            except TimeoutError as late:
                raise Unavailable("The file took too long to come.") from late

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[str]:
        """Give a key to store a file under; unless `settle` of it was committed by the end, nothing is left of it."""
        key = new_key()
        async with self._pool.connection() as connection:
            await connection.execute(_SQL.begin, (key,))
        try:
            yield key
        except BaseException:
            await self._end(key)
            raise

    @staticmethod
    def settle(key: str) -> Statement:
        """Return what has to be committed with the event that refers to a file."""
        return Statement(_SQL.settle, (key,))

    async def clean(self) -> None:
        """Remove what was ended, and what nobody works on any more. Raises what the database and the store do."""
        async with self._pool.connection() as connection:
            await connection.execute(_SQL.end_old)
            keys = await (await connection.execute(_SQL.ended)).fetchall()
        for (key,) in keys:
            await self._remove(key)

    async def _end(self, key: str) -> None:
        """Remove a file unless an event refers to it; what can't be done now is done by `clean`."""
        try:
            async with self._pool.connection() as connection:
                row = await (await connection.execute(_SQL.end, (key,))).fetchone()
            if row is not None:
                await self._remove(key)
        except (psycopg.Error, PoolTimeout, PoolClosed, StoreAway) as error:
            log.warning("upload_left", key=key, error=str(error))

    async def _remove(self, key: str) -> None:
        await self.files.remove(key)
        async with self._pool.connection() as connection:
            await connection.execute(_SQL.forget, (key,))
