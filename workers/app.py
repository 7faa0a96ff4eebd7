"""A worker process: consumers of the ledger, deliveries, the sweep, checkpoints and tasks, on one event loop."""

import asyncio
import random
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dramatiq
import structlog
from msgspec import Struct

from ledger.append import CHANNEL
from ledger.bell import Bell
from ledger.codec import Codec
from ledger.connect import connect, pool
from ledger.writer import Writer
from projections.consumer import Consumer
from projections.erasures import Erasures
from projections.read_model import ReadModel
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

#: What is done again and again, by name: a step, and after how many seconds.
Steps = Mapping[str, tuple[Callable[[], Awaitable[object]], float]]

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
        settings, connected = self._settings, partial(connect, self._settings.database_url)
        bell = Bell(partial(connected, "worker bell"), CHANNEL)
        writer = Writer(partial(connected, "worker writer"))
        checkpoints = Checkpoints(settings.database_url, self._codec.vault.keys, settings.checkpoint_file)
        broker, worker, sender = self._tasks(drains)
        for part in (sender, bell, worker):
            part.start()
        erasures = Erasures(connections.connection, writer, self._codec, now=lambda: datetime.now(UTC))
        every: Steps = {
            "sweep": (Sweep(connections, self._codec, drains.wake).once, settings.sweep_seconds),
            # Apart, so that no look at the ledger keeps a key that is not to be there.
            "keys": (erasures.destroy, settings.sweep_seconds),
            "erasures": (erasures.once, settings.sweep_seconds),
            "checkpoints": (checkpoints.once, settings.checkpoint_seconds),
        }
        running = [loops.alive(name, it.run, stop) for name, it in self._runners(bell, sender, writer)]
        again = [loops.again(name, step, seconds, stop) for name, (step, seconds) in every.items()]
        parts = asyncio.gather(*running, *again)
        await stop.wait()
        bell.ring(CHANNEL, sys.maxsize)  # Whoever waits for the ledger looks up, and sees that it is over.
        await asyncio.gather(
            self._in_time("parts", parts),
            drains.stop(settings.stop_seconds),
            self._in_time("tasks", unawaited(partial(_end, broker, worker, sender, settings.stop_seconds))),
        )
        await self._in_time("writer", writer.close())
        await bell.stop()
        await self._in_time("last checkpoint", checkpoints.once())
        checkpoints.close()

    def _tasks(self, drains: Drains) -> tuple[dramatiq.Broker, dramatiq.Worker, Sender]:
        """Return what hands tasks on and takes them; a task wakes an endpoint's drain."""
        settings, loop = self._settings, asyncio.get_running_loop()

        def drain(endpoint: int) -> None:
            loop.call_soon_threadsafe(drains.wake, endpoint)

        broker = make_broker(settings.broker_url, settings.database_url)
        sender = Sender(Tasks(broker, drain, prefix=settings.queue_prefix))
        timeout = poll_milliseconds(broker, settings.poll_seconds)
        return broker, dramatiq.Worker(broker, worker_timeout=timeout, worker_threads=_TASK_THREADS), sender

    def _runners(self, bell: Bell, sender: Sender, writer: Writer) -> Iterator[tuple[str, Runner]]:
        """Yield a runner each: no reader waits for the folding and sealing of deliveries, nobody for an append."""
        settings = self._settings
        alone = {it.name: [it] for it in self._consumers if isinstance(it, ReadModel) and it.apart}
        together: Mapping[str, Sequence[Consumer]] = {
            "projections": [it for it in self._consumers if it.name not in alone],
            **alone,
            "dispatch": [Dispatch(self._codec, sender.wake, first_wait=settings.schedule[0], base=settings.public_url)],
            "follow-ups": [FollowUps(self._codec, writer)],
        }
        for name, consumers in together.items():
            if consumers:
                link = partial(connect, settings.database_url, name)
                yield name, Runner(link, self._codec, consumers, bell, poll_seconds=settings.poll_seconds)

    async def _in_time(self, part: str, end: Awaitable[object]) -> None:
        """Wait for an end, for as long as there is; what fails or hangs now holds nobody up."""
        ending = asyncio.ensure_future(end)
        # Not `wait_for`: past its time that waits for what it has cancelled, however long this may take.
        await asyncio.wait([ending], timeout=self._settings.stop_seconds)
        if not ending.done():
            ending.cancel()
            log.warning("worker_part_left", part=part, error="it takes too long")
        elif error := ending.exception():
            log.warning("worker_part_left", part=part, error=f"{type(error).__name__}: {error}"[:200])


def unawaited(do: Callable[[], None]) -> "asyncio.Future[None]":
    """Return the end of what is done in a thread that nobody waits for when the process ends.

    Those of asyncio are waited for without a limit: a broker that never lets go would keep the process for ever.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def tell(error: Exception | None) -> None:
        if over.done():
            return
        if error is None:
            over.set_result(None)
        else:
            over.set_exception(error)

    def run() -> None:
        failed = None
        try:
            do()
        except Exception as error:  # noqa: BLE001 - it is the waiting side's
            failed = error
        with suppress(RuntimeError):  # The loop may be closed: nobody waits any more.
            loop.call_soon_threadsafe(tell, failed)

    threading.Thread(target=run, name="unawaited", daemon=True).start()
    return over


def _end(broker: dramatiq.Broker, worker: dramatiq.Worker, sender: Sender, seconds: float) -> None:
    sender.stop(seconds / 2)
    worker.stop(timeout=round(seconds * 500))
    broker.close()
