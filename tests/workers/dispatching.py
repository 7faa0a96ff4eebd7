"""The dispatcher without its worker."""

from functools import partial
from typing import Any

from psycopg import AsyncConnection

from ledger.append import CHANNEL
from ledger.bell import Bell
from ledger.connect import connect
from projections.runner import Runner
from tests.workers.stage import Stage
from workers.webhooks.dispatch import Dispatch


class Dispatching:
    """A dispatcher that is moved on by hand."""

    def __init__(self, stage: Stage, batch: int = 2000) -> None:
        """Remember whom it wakes; take so many events at once."""
        self.woken: list[int] = []
        self.dispatch = Dispatch(stage.codec, self.woken.append)
        self._stage = stage
        self._batch = batch

    async def go(self) -> None:
        """Take everything that there is."""
        connection = await connect(self._stage.database.app_dsn, "test")
        try:
            await self.go_on(connection)
        finally:
            await connection.close()

    async def go_on(self, connection: AsyncConnection[Any]) -> None:
        """Take everything that there is, over a connection."""
        link = partial(connect, self._stage.database.app_dsn, "test")
        runner = Runner(link, self._stage.codec, [self.dispatch], Bell(link, CHANNEL), batch=self._batch)
        await runner._lead(connection)
        while await runner.step(connection):
            pass
