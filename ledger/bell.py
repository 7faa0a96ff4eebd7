"""Waking up: one LISTEN connection a process tells how far a channel has come; polling is the net beneath it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection

from ledger.tasks import end

log = structlog.get_logger(__name__)


class Bell:
    """Positions told by NOTIFY on some channels. Whoever waits is woken when a position is reached, or in time.

    A told position is a hint to look, never the truth: notifications are lost while the connection is.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection[Any]]], *channels: str) -> None:
        """Prepare; `start` opens the connection."""
        self._connect = connect
        self._channels = channels
        self._told = dict.fromkeys(channels, 0)
        self._waiting: dict[str, list[tuple[int, asyncio.Future[None]]]] = {channel: [] for channel in channels}
        self._task: asyncio.Task[None] | None = None
        self._heard: dict[str, list[Callable[[], None]]] = {channel: [] for channel in channels}
        self.listening = False

    def on(self, channel: str, heard: Callable[[], None]) -> None:
        """Call something each time a channel is heard, and each time hearing was interrupted."""
        self._heard[channel].append(heard)

    def start(self) -> None:
        """Listen from now on, for as long as the event loop runs or until `stop`."""
        self._task = asyncio.create_task(self._run(), name="ledger-bell")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            await end([self._task])

    def told(self, channel: str) -> int:
        """Return the highest position heard on a channel."""
        return self._told[channel]

    def ring(self, channel: str, position: int) -> None:
        """Take note of a position, and wake who waits for it."""
        if position <= self._told[channel]:
            return
        self._told[channel] = position
        still = []
        for wanted, future in self._waiting[channel]:
            if wanted > position:
                still.append((wanted, future))
            elif not future.done():
                future.set_result(None)
        self._waiting[channel] = still

    async def wait(self, channel: str, position: int, seconds: float) -> bool:
        """Wait until a position is told on a channel, `seconds` at most; tell whether it was."""
        if self._told[channel] >= position:
            return True
        future = asyncio.get_running_loop().create_future()
        entry = (position, future)
        self._waiting[channel].append(entry)
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return False
        else:
            return True
        finally:
            if entry in self._waiting[channel]:
                self._waiting[channel].remove(entry)

    async def _run(self) -> None:
        pause = 0.05
        while True:
            try:
                await self._listen()
                pause = 0.05
            except (psycopg.Error, OSError) as error:
                log.warning("bell_connection_lost", error=str(error))
            self.listening = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _listen(self) -> None:
        connection = await self._connect()
        try:
            for channel in self._channels:
                await connection.execute(f"LISTEN {channel}")
            self.listening = True
            for channel in self._channels:
                self._call(channel)
            async for notify in connection.notifies():
                self.ring(notify.channel, int(notify.payload))
                self._call(notify.channel)
        finally:
            await connection.close()

    def _call(self, channel: str) -> None:
        for heard in self._heard[channel]:
            heard()
