"""What every handler works with, made once a process by the composition root."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import structlog
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from api.auth import Passwords
from api.ended import Ended
from api.kept_answers import Unnaming
from api.lockout import Lockout
from api.peer import Networks
from api.proofs import Proofs
from api.sessions import Sessions
from api.tokens import Tokens
from api.uploads import Uploads
from api.user_facts import UserFacts
from domain.platform.users import User
from domain.platform.webhooks import Webhook
from domain.quality.capa_facts import Capa
from domain.quality.config import QualityConfig
from domain.quality.deviation_facts import Deviation
from ledger.append import CHANNEL
from ledger.bell import Bell
from ledger.codec import Codec
from ledger.queries import queries
from ledger.store import Files, StoreAway
from ledger.tasks import end
from ledger.vault import Vault
from ledger.writer import Writer
from projections.consumer import channel
from projections.counting import Counts
from projections.delivery_log import DISPATCH
from projections.follow_ups import CONSUMER
from projections.past_listing import PastCounts
from projections.people import People
from projections.registry import NAMES
from projections.report_kept import KeptReports
from projections.standing import Standing

log = structlog.get_logger(__name__)

#: What is raised while the database is away.
_AWAY = (psycopg.Error, PoolTimeout, PoolClosed)

_SQL = queries("api", "doors")
VIEWS = NAMES
#: The consumers of the ledger that answers wait for.
FOLLOWED = (*VIEWS, DISPATCH, CONSUMER)
_CLEAN_SECONDS = 600
_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.02
_FEW_EVENTS = 10_000


class ApiSettings(Struct, frozen=True, kw_only=True):
    """What the doors need of the settings. Times are seconds. checkpoints: the file that signed tree heads go to."""

    public_url: str = ""
    trusted_proxies: Networks = ()
    access_seconds: int = 900
    refresh_seconds: int = 7 * 86_400
    read_wait_seconds: float = 2.0
    webhook_allow_private: bool = False
    webhook_overlap_seconds: int = 86_400
    rate_limit: bool = True
    cors_origins: tuple[str, ...] = ()
    request_seconds: float = 20.0
    checkpoints: Path | None = None


class Doors:
    """The parts behind the doors."""

    def __init__(
        self,
        settings: ApiSettings,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        writer: Writer,
        bell: Bell,
        vault: Vault,
        files: Files,
    ) -> None:
        """Take the parts; `start` opens them."""
        self.settings = settings
        self.pool = pool
        self.writer = writer
        self.bell = bell
        self.vault = vault
        self.codec = Codec(vault)
        self.deviations = self.codec.record(Deviation)
        self.capas = self.codec.record(Capa)
        self.users = self.codec.record(User)
        self.webhooks = self.codec.record(Webhook)
        self.people = People(self.codec)
        self.standing = Standing(self.codec)
        self.uploads = Uploads(pool, files)
        self.counts = Counts()
        self.past_counts = PastCounts()
        self.reports = KeptReports()
        self.proofs = Proofs(pool, vault.keys, settings.checkpoints)
        self.passwords = Passwords()
        self.tokens = Tokens(vault.keys)
        self.sessions = Sessions(self.tokens, settings.access_seconds, settings.refresh_seconds)
        self.ended = Ended(pool, bell, settings.access_seconds)
        self.user_facts = UserFacts(pool.connection, writer, self.codec)
        self.lockout = Lockout(self)
        #: Idempotency keys whose requests are under way in this process.
        self.under_way: set[tuple[int, str]] = set()
        #: How many migrations the schema had when this process first looked.
        self.migrations = 0
        #: Until where in the ledger nothing befell users, roles and settings that is not known.
        self._known_at = 0
        self._learning = asyncio.Lock()
        self._heard = asyncio.Event()
        self._unnaming = Unnaming()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the parts; a database that is away is waited for in the background."""
        await self.passwords.prepare()
        await self.pool.open(wait=False)
        self.bell.on(CHANNEL, self._heard.set)
        self.bell.start()
        self._tasks = [
            asyncio.create_task(self._again(_CLEAN_SECONDS, self._clean), name="answers-cleaner"),
            asyncio.create_task(self._again(_CLEAN_SECONDS, self.uploads.clean), name="uploads-cleaner"),
            asyncio.create_task(self._again(_LOOK_SECONDS, self._look), name="positions"),
            asyncio.create_task(self._again(0, self._follow), name="standing"),
            asyncio.create_task(self.ended.follow(), name="ended-sessions"),
        ]

    async def stop(self) -> None:
        """Write what is waiting, then close."""
        await end(self._tasks)
        await self.user_facts.settled()
        await self.writer.close()
        await self.bell.stop()
        await self.uploads.files.close()
        await self.pool.close()

    @property
    def quality(self) -> QualityConfig:
        """What is configured for deviations."""
        return self.standing.settings.quality

    async def learn(self, *, anew: bool = False) -> None:
        """Read settings and roles where they are not known; `anew`: what is known is read again."""
        if anew:
            self.standing.forget()
        if not self.standing.loaded:
            async with self.pool.connection() as connection:
                await self.standing.load(connection)

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

    async def known(self, position: int) -> None:
        """See to it that what is known of users, roles and settings is no older than a position of the ledger."""
        async with self._learning:
            before = self._known_at
            if position == before:
                return
            users, settings = True, True  # Nothing was known before, or there is much to look at.
            if 0 < before < position <= before + _FEW_EVENTS:
                users, settings = await self._changed(before, position)
            if users:
                self.people.forget()
            if settings:
                await self.learn(anew=True)
            self._known_at = position

    async def relearn(self) -> None:
        """Read settings and roles again after a change of ours: now, or where that fails before they are asked for."""
        self.standing.forget()
        with suppress(*_AWAY):
            await self.learn()

    async def _look(self, seconds: float | None = None) -> None:
        """Ask where the ledger and the read models stand: the net beneath what the bell tells."""
        async with self.pool.connection(timeout=seconds) as connection:
            cursor = await connection.execute(_SQL.positions, prepare=True)
            positions = dict(await cursor.fetchall())
        for view in FOLLOWED:
            self.bell.ring(channel(view), positions.get(view, 0))
        self.bell.ring(CHANNEL, positions.get(None, 0))
        if self.bell.told(CHANNEL) != self._known_at:
            self._heard.set()

    async def _follow(self) -> None:
        """Learn anew what stands when a user, a role or a setting changed; other facts leave it as it is."""
        await self._heard.wait()
        self._heard.clear()
        await self.known(self.bell.told(CHANNEL))

    async def _changed(self, after: int, until: int) -> tuple[bool, bool]:
        """Tell whether something befell a user, and whether a role or a setting."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(_SQL.standing_changed, (after, until), prepare=True)
            row = await cursor.fetchone()
        return (True, True) if row is None else (row[0], row[1])

    async def _clean(self) -> None:
        """Forget answers that nobody may ask for again, a key is kept for a day, names in them, and dead sessions."""
        async with self.pool.connection() as connection:
            await connection.execute(_SQL.forget_answers)
            await self._unnaming.sweep(connection, self.vault)
            await self.sessions.forget(connection)

    async def _again(self, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
        """Do something now and then, whatever befalls the database."""
        while True:
            try:
                await do()
            except (psycopg.Error, PoolTimeout, PoolClosed, StoreAway) as error:
                log.debug("database_away", task=do.__name__, error=str(error))
            await asyncio.sleep(seconds)
