"""Waking up: one LISTEN connection a process tells how far a channel has come; polling is the net beneath it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection, sql

from ledger.tasks import end

log = structlog.get_logger(__name__)

#: No ledger comes so far; who says so is not to be believed.
_TOO_FAR = 2**62
_LONGEST = 19


class Bell:
    """Positions told by NOTIFY on some channels. Whoever waits is woken when a position is reached, or in time.

    Notifications are lost while the connection is, and anybody in the database can send one: what was told is forgotten
    with the connection, and the last word counts, also where it goes back. So no false word outlives the next true one.
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
        """Return the position last heard on a channel, 0 where none was since the connection was made."""
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
            except Exception:  # A fault of ours, or of who wanted to be called: hearing goes on.
                log.exception("bell_failed")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _listen(self) -> None:
        connection = await self._connect()
        try:
            self._told = dict.fromkeys(self._channels, 0)
            for channel in self._channels:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self.listening = True
            for channel in self._channels:
                self._call(channel)
            async for notify in connection.notifies():
                position = _position(notify.payload)
                if position is None:
                    log.warning("bell_payload_ignored", channel=notify.channel, payload=notify.payload[:50])
                    continue
                self._told[notify.channel] = min(position, self._told[notify.channel])
                self.ring(notify.channel, position)
                self._call(notify.channel)
        finally:
            self.listening = False
            await connection.close()

    def _call(self, channel: str) -> None:
        for heard in self._heard[channel]:
            heard()


def _position(payload: str) -> int | None:
    """Return the position that a notification tells, None where it is none."""
    if len(payload) > _LONGEST or not (payload.isascii() and payload.isdigit()):
        return None
    position = int(payload)
    return position if position < _TOO_FAR else None
