"""A ledger with users, webhooks and deviations in it, and workers on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from psycopg import AsyncConnection

from domain.events import Event, stream_id
from domain.platform.users import UserCreated
from domain.platform.webhooks import (
    PUBLIC_EVENTS,
    WebhookCreated,
    WebhookDeleted,
    WebhookRedeliveryRequested,
    WebhookSecretRotated,
    WebhookUpdated,
)
from domain.quality import capa_facts
from domain.quality import deviation_facts as facts
from ledger.append import Allotment, Append, Plan, Proposed, Receipt
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.vault import Vault
from ledger.writer import Writer
from projections.webhook_secrets import rotate_secret, store_secret
from tests.support.database import Database
from workers.app import Work, WorkSettings

SECRET = "a secret of the client's own choosing"
#: Attempts that follow each other without delay.
QUICK = (0.0, 0.01, 0.02)
#: Before every fact.
EVER = datetime(2020, 1, 1, tzinfo=UTC)


class Stage:
    """Appends facts as the API would, and looks into the tables."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Use a database, and a folder for keys and checkpoints."""
        self.database = database
        self.folder = folder
        self.vault = Vault(Keys(folder / "keys"))
        self.codec = Codec(self.vault)
        self.writer = Writer(partial(connect, database.app_dsn, "test"))
        self.users = self.webhooks = self.deviations = self.capas = 0
        self._versions: dict[Any, int] = {}

    async def user(self, name: str = "jdoe") -> int:
        """Create a user."""
        self.users += 1
        stream = stream_id("user", self.users)
        personal = self.vault.personal(stream, "name", {"username": name, "first_name": "Jo", "last_name": "Doe"})
        contact = self.vault.personal(stream, "contact", {"email": "jo@example.com"})
        await self.append(stream, UserCreated(id=self.users, name=personal, contact=contact))
        return self.users

    async def webhook(
        self, url: str, events: tuple[str, ...] = PUBLIC_EVENTS, secret: str = SECRET, *, active: bool = True
    ) -> int:
        """Create a webhook with its secret."""
        self.webhooks += 1
        event = WebhookCreated(id=self.webhooks, url=url, events=events, active=active, to_state="listed")
        await self.append(stream_id("webhook", self.webhooks), event, store_secret(self.webhooks, secret, self.vault))
        return self.webhooks

    async def change_webhook(self, webhook: int, **changes: Any) -> Receipt:
        """Change a webhook."""
        event = WebhookUpdated(from_state="listed", to_state="listed", **changes)
        return await self.append(stream_id("webhook", webhook), event)

    async def rotate(self, webhook: int, secret: str, overlap_seconds: int) -> Receipt:
        """Have another secret sign."""
        event = WebhookSecretRotated(overlap_seconds=overlap_seconds)
        statements = rotate_secret(webhook, secret, self.vault, overlap_seconds)
        return await self.append(stream_id("webhook", webhook), event, *statements)

    async def ask_again(self, webhook: int, since: datetime = EVER, **asked: Any) -> Receipt:
        """Ask for deliveries to be made again."""
        event = WebhookRedeliveryRequested(since=since, **asked)
        return await self.append(stream_id("webhook", webhook), event)

    async def remove_webhook(self, webhook: int) -> None:
        """Delete a webhook."""
        await self.append(stream_id("webhook", webhook), WebhookDeleted(from_state="listed", to_state="deleted"))

    async def deviation(self, title: str = "Wrong label", actor: int | None = 1) -> int:
        """Create a deviation."""
        self.deviations += 1
        number = self.deviations
        event = facts.DeviationCreated(
            id=number,
            number=f"DEV-2026-{number:04d}",
            title=title,
            description="Seen on line 4.",
            category="LABELING",
            classification="MINOR",
            department="QA",
            due_days=30,
            actor=actor,
            to_state="OPEN",
        )
        await self.append(stream_id("deviation", number), event)
        return number

    async def edit(self, deviation: int, title: str) -> Receipt:
        """Change a deviation's title."""
        event = facts.DeviationUpdated(title=title, actor=1, from_state="OPEN", to_state="OPEN")
        return await self.append(stream_id("deviation", deviation), event)

    async def capa(self, source: int | None = None, source_type: str = "DEVIATION") -> int:
        """Create a CAPA that follows from a record."""
        self.capas += 1
        event = capa_facts.CapaCreated(
            id=self.capas,
            number=f"CAPA-2026-{self.capas:04d}",
            title="Retrain the line",
            description="All of it.",
            department="QA",
            source_type=source_type,
            source_id=source,
            actor=1,
            to_state="INITIATED",
        )
        await self.append(stream_id("capa", self.capas), event)
        return self.capas

    async def edit_capa(self, capa: int, **changes: Any) -> Receipt:
        """Change fields of a CAPA."""
        event = capa_facts.CapaUpdated(actor=1, from_state="INITIATED", to_state="INITIATED", **changes)
        return await self.append(stream_id("capa", capa), event)

    async def cancel_capa(self, capa: int) -> Receipt:
        """Cancel a CAPA."""
        event = capa_facts.Cancelled(actor=1, from_state="INITIATED", to_state="CANCELLED")
        return await self.append(stream_id("capa", capa), event)

    async def move(self, deviation: int, event: Event) -> Receipt:
        """Append any fact of a deviation."""
        return await self.append(stream_id("deviation", deviation), event)

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database, as the application."""
        async with await AsyncConnection.connect(self.database.app_dsn, autocommit=True) as connection:
            cursor = await connection.execute(query, values)
            return list(await cursor.fetchall()) if cursor.description else []

    async def somebody_waits(self) -> bool:
        """Tell whether somebody waits for a lock in the database."""
        query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(await self.rows(query))

    async def states(self) -> list[str]:
        """Return the states of all deliveries, in the order of the ledger."""
        return [state for (state,) in await self.rows("SELECT state FROM ops.deliveries ORDER BY position")]

    def settings(self, **changed: Any) -> WorkSettings:
        """Return settings that shorten every wait, with a queue of this stage's own."""
        chosen: dict[str, Any] = {
            "database_url": self.database.app_dsn,
            "checkpoint_file": self.folder / "checkpoints.log",
            "queue_prefix": f"test_{uuid4().hex}",
            "allow_private": True,
            "schedule": QUICK,
            "timeout_seconds": 5.0,
            "sweep_seconds": 0.1,
            "poll_seconds": 0.1,
            "stop_seconds": 3.0,
        }
        return WorkSettings(**(chosen | changed))

    @asynccontextmanager
    async def working(self, **changed: Any) -> AsyncIterator[None]:
        """Have a worker at work for a while."""
        stop = asyncio.Event()
        work = asyncio.create_task(Work(self.settings(**changed), self.codec, []).run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(work, 15)

    async def append(self, stream: Any, event: Event, *statements: Any) -> Receipt:
        """Append a fact as the next of its stream."""
        version = self._versions.get(stream, 0) + 1
        self._versions[stream] = version
        state = self.codec.encode(event)

        def plan(_: Allotment) -> Plan:
            return Plan([Proposed(stream, version, event.topic, state)], statements)

        return await self.writer.append(Append(plan, [(stream, version)]))
