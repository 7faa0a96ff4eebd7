"""What every handler works with, made once a process by the composition root."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import structlog
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from api.auth import Passwords
from api.peer import Networks
from api.tokens import Tokens
from domain.platform.users import User
from domain.platform.webhooks import Webhook
from domain.quality.config import DEFAULT, QualityConfig
from domain.quality.deviation_facts import Deviation
from ledger.bell import Bell
from ledger.codec import Codec
from ledger.keys import Vault
from ledger.queries import queries
from ledger.tasks import end
from ledger.writer import Writer
from projections.consumer import channel
from projections.deviation_queries import Counts
from projections.people import People

log = structlog.get_logger(__name__)

_SQL = queries("api", "doors")
VIEWS = ("deviations", "users", "webhooks")
_CLEAN_SECONDS = 600
_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.02
_FEW_EVENTS = 10_000


class ApiSettings(Struct, frozen=True, kw_only=True):
    """What the doors need of the settings. Times are seconds."""

    public_url: str = ""
    trusted_proxies: Networks = ()
    access_seconds: int = 900
    refresh_seconds: int = 7 * 86_400
    read_wait_seconds: float = 2.0
    webhook_allow_private: bool = False


class Doors:
    """The parts behind the doors."""

    def __init__(
        self,
        settings: ApiSettings,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        writer: Writer,
        bell: Bell,
        vault: Vault,
    ) -> None:
        """Take the parts; `start` opens them."""
        self.settings = settings
        self.pool = pool
        self.writer = writer
        self.bell = bell
        self.vault = vault
        self.codec = Codec(vault)
        self.deviations = self.codec.record(Deviation)
        self.users = self.codec.record(User)
        self.webhooks = self.codec.record(Webhook)
        self.people = People(self.codec)
        self.counts = Counts()
        self.passwords = Passwords()
        self.tokens = Tokens(vault.keys, settings.access_seconds, settings.refresh_seconds)
        self.quality: QualityConfig = DEFAULT
        #: Idempotency keys whose requests are under way in this process.
        self.under_way: set[tuple[int, str]] = set()
        #: How many migrations the schema had when this process first looked.
        self.migrations = 0
        self._users_heard = asyncio.Event()
        self._users_at = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the parts; a database that is away is waited for in the background."""
        await self.passwords.prepare()
        await self.pool.open(wait=False)
        self.bell.on(channel("users"), self._users_heard.set)
        self.bell.start()
        self._tasks = [
            asyncio.create_task(self._again(_CLEAN_SECONDS, self._clean), name="answers-cleaner"),
            asyncio.create_task(self._again(_LOOK_SECONDS, self._look), name="positions"),
            asyncio.create_task(self._again(0, self._follow_users), name="users"),
        ]

    async def stop(self) -> None:
        """Write what is waiting, then close."""
        await end(self._tasks)
        await self.writer.close()
        await self.bell.stop()
        await self.pool.close()

    async def passed(self, view: str, position: int) -> bool:
        """Wait until a read model has passed a position, as long as the setting says; tell whether it has."""
        if self.read_position(view) >= position:
            return True
        until = asyncio.get_running_loop().time() + self.settings.read_wait_seconds
        if self.bell.listening and await self.bell.wait(channel(view), position, self.settings.read_wait_seconds):
            return True
        return await self._passed_by_asking(view, position, until)

    def read_position(self, view: str) -> int:
        """Return the position that a read model is known to have passed."""
        return self.bell.told(channel(view))

    async def _passed_by_asking(self, view: str, position: int, until: float) -> bool:
        clock = asyncio.get_running_loop().time
        while True:
            await self._look(max(until - clock(), _PAUSE_SECONDS))
            if self.read_position(view) >= position:
                return True
            if clock() >= until:
                return False
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _look(self, seconds: float | None = None) -> None:
        """Ask where the read models stand: the net beneath what the bell tells."""
        async with self.pool.connection(timeout=seconds) as connection:
            cursor = await connection.execute(_SQL.positions, prepare=True)
            positions = dict(await cursor.fetchall())
        for view in VIEWS:
            self.bell.ring(channel(view), positions.get(view, 0))

    async def _follow_users(self) -> None:
        """Forget who users are when one of them changed; the ledger's other facts leave them as they are."""
        await self._users_heard.wait()
        self._users_heard.clear()
        before, self._users_at = self._users_at, self.read_position("users")
        if not before < self._users_at <= before + _FEW_EVENTS or before == 0:
            self.people.forget()  # Nothing was heard before, or hearing was interrupted, or there is much to look at.
            return
        try:
            async with self.pool.connection() as connection:
                cursor = await connection.execute(_SQL.users_changed, (before, self._users_at), prepare=True)
                row = await cursor.fetchone()
        except (psycopg.Error, PoolTimeout, PoolClosed):
            row = None
        if row is None or row[0]:
            self.people.forget()

    async def _clean(self) -> None:
        """Forget answers that nobody may ask for again: a key is kept for a day."""
        async with self.pool.connection() as connection:
            await connection.execute(_SQL.forget_answers)

    async def _again(self, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
        """Do something now and then, whatever befalls the database."""
        while True:
            try:
                await do()
            except (psycopg.Error, PoolTimeout, PoolClosed) as error:
                log.debug("database_away", task=do.__name__, error=str(error))
            await asyncio.sleep(seconds)
