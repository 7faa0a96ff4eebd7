"""Drains without their clock: what is due is taken, and attempts end, when a test says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from ledger.connect import connect, pool
from tests.workers.stage import Stage
from workers.webhooks.client import Client
from workers.webhooks.deliver import Courier, Delivery, Endpoint
from workers.webhooks.drain import Drains
from workers.webhooks.locks import Locks
from workers.webhooks.schedule import Answer


class Scripted(Client):
    """Answers what the test says, and sends nothing."""

    def __init__(self) -> None:
        """Answer 200."""
        super().__init__(allow_private=True, timeout_seconds=1)
        self.status = 200

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer."""
        return Answer(status=self.status)


class Sending:
    """The drain of one endpoint, by hand."""

    def __init__(self, drains: Drains, courier: Courier, client: Scripted) -> None:
        """Begin with nothing under way."""
        self._drains = drains
        self._courier = courier
        self._client = client
        self._endpoint: Endpoint | None = None
        self.under_way: list[Delivery] = []

    async def look(self, endpoint: int) -> list[Delivery]:
        """Take what is due: it is under way from now on."""
        self._endpoint, due = await self._drains._look(endpoint, [delivery.stream for delivery in self.under_way])
        self.under_way += due
        return due

    async def settle(self, place: int, status: int) -> Delivery:
        """End one of the attempts that are under way."""
        delivery = self.under_way.pop(place % len(self.under_way))
        self._client.status = status
        assert self._endpoint is not None
        assert await self._courier.attempt(self._endpoint, delivery)
        return delivery


@asynccontextmanager
async def sending(stage: Stage, schedule: tuple[float, ...]) -> AsyncIterator[Sending]:
    """Lend a drain to move on by hand."""
    connections = pool(stage.database.app_dsn, "test drains", 2)
    await connections.open()
    locks = Locks(partial(connect, stage.database.app_dsn, "test locks"))
    client = Scripted()
    courier = Courier(connections, stage.vault, client, schedule, now=lambda: datetime.now(UTC), draw=lambda: 0.5)
    try:
        yield Sending(Drains(connections, locks, courier), courier, client)
    finally:
        await connections.close()
