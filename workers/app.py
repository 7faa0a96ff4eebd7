"""A worker process: consumers of the ledger, deliveries, the sweep, checkpoints and tasks, on one event loop."""

import asyncio
import random
import sys
from collections.abc import Awaitable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import dramatiq
import structlog
from msgspec import Struct

from ledger.append import CHANNEL
from ledger.bell import Bell
from ledger.codec import Codec
from ledger.connect import connect, pool
from ledger.writer import Writer
from projections.consumer import Consumer
from projections.runner import Runner
from workers import loops
from workers.broker import PREFIX, Sender, Tasks, make_broker, poll_milliseconds
from workers.checkpoints import Checkpoints
from workers.follow_ups import FollowUps
from workers.sweep import Sweep
from workers.webhooks.client import Client
from workers.webhooks.deliver import Courier, Pool
from workers.webhooks.dispatch import Dispatch
from workers.webhooks.drain import Drains
from workers.webhooks.locks import Locks
from workers.webhooks.schedule import SCHEDULE

log = structlog.get_logger(__name__)

# Deliveries hold a connection only to look and to record, so a few serve many.
_POOL = 8
# A task hands its message to the event loop and is done.
_TASK_THREADS = 2


class WorkSettings(Struct, frozen=True, kw_only=True):
    """What a worker has to know. Times in seconds.

    stop_seconds: how long deliveries under way, and every part that is told to stop, may take to end.
    """

    database_url: str
    checkpoint_file: Path
    broker_url: str | None = None
    queue_prefix: str = PREFIX
    public_url: str = ""
    allow_private: bool = False
    schedule: tuple[float, ...] = SCHEDULE
    timeout_seconds: float = 20.0
    sweep_seconds: float = 5.0
    checkpoint_seconds: float = 5.0
    poll_seconds: float = 1.0
    stop_seconds: float = 5.0


class Work:
    """Everything that a worker process does. A database or a broker that is away is waited for."""

    def __init__(self, settings: WorkSettings, codec: Codec, consumers: Sequence[Consumer]) -> None:
        """Prepare to run these consumers (the projections) beside the worker's own; opens nothing."""
        self._settings = settings
        self._codec = codec
        self._consumers = consumers

    async def run(self, stop: asyncio.Event) -> None:
        """Run until told to stop; then finish what is under way, and sign the tree's head once more."""
        settings, vault = self._settings, self._codec.vault
        async with AsyncExitStack() as stack:
            connections = pool(settings.database_url, "webhooks", _POOL)
            await connections.open()
            stack.push_async_callback(connections.close)
            client = Client(allow_private=settings.allow_private, timeout_seconds=settings.timeout_seconds)
            await stack.enter_async_context(client)
            locks = Locks(partial(connect, settings.database_url, "webhook locks"))
            stack.push_async_callback(locks.close)
            courier = Courier(
                connections, vault, client, settings.schedule, now=lambda: datetime.now(UTC), draw=random.random
            )
            drains = Drains(connections, locks, courier)
            await self._run(stop, connections, drains)

    async def _run(self, stop: asyncio.Event, connections: Pool, drains: Drains) -> None:
        settings = self._settings
        loop = asyncio.get_running_loop()
        broker = make_broker(settings.broker_url, settings.database_url)

        def drain(endpoint: int) -> None:
            loop.call_soon_threadsafe(drains.wake, endpoint)

        sender = Sender(Tasks(broker, drain, prefix=settings.queue_prefix))
        timeout = poll_milliseconds(broker, settings.poll_seconds)
        worker = dramatiq.Worker(broker, worker_timeout=timeout, worker_threads=_TASK_THREADS)
        bell = Bell(partial(connect, settings.database_url, "worker bell"), CHANNEL)
        checkpoints = Checkpoints(settings.database_url, self._codec.vault.keys, settings.checkpoint_file)
        sender.start()
        bell.start()
        worker.start()
        writer = Writer(partial(connect, settings.database_url, "follow-ups writer"))
        follow_ups = FollowUps(self._codec, writer)
        sweep = Sweep(connections, self._codec, drains.wake)
        parts = asyncio.gather(*self._parts(stop, bell, sender, follow_ups, sweep, checkpoints))
        await stop.wait()
        bell.ring(CHANNEL, sys.maxsize)  # Whoever waits for the ledger looks up, and sees that it is over.
        await asyncio.gather(
            self._in_time("parts", parts),
            drains.stop(settings.stop_seconds),
            self._in_time("tasks", asyncio.to_thread(_end, broker, worker, sender, settings.stop_seconds)),
        )
        await self._in_time("writer", writer.close())
        await bell.stop()
        await self._in_time("last checkpoint", checkpoints.once())
        checkpoints.close()

    def _parts(
        self,
        stop: asyncio.Event,
        bell: Bell,
        sender: Sender,
        follow_ups: FollowUps,
        sweep: Sweep,
        checkpoints: Checkpoints,
    ) -> Iterator[Coroutine[Any, Any, None]]:
        settings = self._settings
        dispatch = Dispatch(self._codec, sender.wake, first_wait=settings.schedule[0], base=settings.public_url)
        # A runner each: no reader waits for the folding and sealing that deliveries take, nobody for an append.
        runners: Mapping[str, Sequence[Consumer]] = {
            "projections": self._consumers,
            "dispatch": [dispatch],
            "follow-ups": [follow_ups],
        }
        for name, consumers in runners.items():
            if not consumers:
                continue
            link = partial(connect, settings.database_url, name)
            runner = Runner(link, self._codec, consumers, bell, poll_seconds=settings.poll_seconds)
            yield loops.alive(name, runner.run, stop)
        yield loops.again("sweep", sweep.once, settings.sweep_seconds, stop)
        yield loops.again("checkpoints", checkpoints.once, settings.checkpoint_seconds, stop)

    async def _in_time(self, part: str, end: Awaitable[object]) -> None:
        """Wait for an end, for as long as there is; what fails or hangs now holds nobody up."""
        try:
            await asyncio.wait_for(end, self._settings.stop_seconds)
        except Exception as error:  # noqa: BLE001
            log.warning("worker_part_left", part=part, error=f"{type(error).__name__}: {error}"[:200])


def _end(broker: dramatiq.Broker, worker: dramatiq.Worker, sender: Sender, seconds: float) -> None:
    sender.stop(seconds / 2)
    worker.stop(timeout=round(seconds * 500))
    broker.close()
