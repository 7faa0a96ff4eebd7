"""Messages: a broker from a URL, the tasks on it, and whoever sends to it. A message only says where to look."""

import queue
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import dramatiq
import structlog
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq_postgres import PostgresBroker
from psycopg.conninfo import conninfo_to_dict

from ledger.connect import conninfo

log = structlog.get_logger(__name__)

PREFIX = "flowledger"

# Redis is polled, with pauses that grow to this: it is the latency of the first message after a quiet time.
_REDIS_POLL_MILLISECONDS = 20


def make_broker(url: str | None, database_url: str) -> dramatiq.Broker:
    """Return a broker by its URL, or one in the database itself; nothing is connected to yet.

    Without results and without retries: what a lost message was about is found by the sweep. Raises ValueError for a
    scheme that is none of `postgresql`, `amqp`, `redis`.
    """
    scheme = urlsplit(url).scheme if url else "postgresql"
    match scheme:
        case "postgresql" | "postgres":
            return _postgres(url or database_url)
        case "amqp" | "amqps":
            return RabbitmqBroker(url=url, middleware=[], confirm_delivery=True)
        case "redis" | "rediss":
            return RedisBroker(url=url, middleware=[])  # type: ignore[no-untyped-call]
    raise ValueError(f"{scheme!r} names no broker: postgresql, amqp or redis")


def _postgres(url: str) -> dramatiq.Broker:
    parameters: dict[str, Any] = {**conninfo_to_dict(conninfo(url, "broker"))}
    # A message that a crash of the server takes is not missed, so no commit waits for the disk.
    parameters["options"] = f"{parameters['options']} -c synchronous_commit=off"
    broker: dramatiq.Broker = PostgresBroker(  # type: ignore[no-untyped-call]
        url=parameters, results=False, middleware=[]
    )
    return broker


def poll_milliseconds(broker: dramatiq.Broker, seconds: float) -> int:
    """Return how often a worker looks into a broker: one that tells it of messages, every so many seconds."""
    return _REDIS_POLL_MILLISECONDS if isinstance(broker, RedisBroker) else max(1, round(seconds * 1000))


class Tasks:
    """The tasks, registered on a broker: what a message makes a worker do."""

    def __init__(self, broker: dramatiq.Broker, drain: Callable[[int], None], *, prefix: str = PREFIX) -> None:
        """Register. `drain` is called with an endpoint in a thread of the worker's; it returns at once."""

        @dramatiq.actor(broker=broker, actor_name="drain_endpoint", queue_name=f"{prefix}.webhooks")
        def drain_endpoint(endpoint: int) -> None:
            drain(endpoint)

        self.drain_endpoint = drain_endpoint


class Sender:
    """Sends wake-ups from a thread of its own, so that a broker that is slow or away holds nobody up.

    Endpoints that wait to be sent are a set: however many wake-ups there are, one message goes out.
    """

    def __init__(self, tasks: Tasks) -> None:
        """Prepare; `start` begins to send."""
        self._tasks = tasks
        self._queue: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._waiting: set[int] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self, endpoint: int) -> None:
        """Have the drain of an endpoint woken. Where the broker can't be reached, the sweep finds what is due."""
        with self._lock:
            if endpoint in self._waiting:
                return
            self._waiting.add(endpoint)
        self._queue.put(endpoint)

    def stop(self, seconds: float) -> None:
        """Send what waits, for so long at most."""
        self._queue.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (endpoint := self._queue.get()) is not None:
            with self._lock:
                self._waiting.discard(endpoint)
            try:
                self._tasks.drain_endpoint.send(endpoint)
            except Exception as error:  # noqa: BLE001 - three brokers, each with errors of its own
                log.warning("broker_not_reached", endpoint=endpoint, error=f"{type(error).__name__}: {error}"[:200])
