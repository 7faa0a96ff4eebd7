"""The brokers: one suite, one class each. RabbitMQ and Redis where they run, or where they are required to."""

import asyncio
import os
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import dramatiq
import psycopg
import pytest

from tests.support.database import Database
from tests.workers.receiver import Receiver
from tests.workers.stage import Stage
from tests.workers.waiting import until
from workers.broker import Sender, Tasks, make_broker, poll_milliseconds

pytestmark = pytest.mark.anyio


class BrokerCase(ABC):
    """What every broker does."""

    @abstractmethod
    @pytest.fixture
    def url(self) -> str | None:
        """Where the broker is."""

    async def test_a_message_wakes_a_drain(self, url: str | None, database: Database) -> None:
        """What is sent arrives in a worker, once for many wake-ups that wait together."""
        woken: list[int] = []
        arrived = threading.Event()

        def drain(endpoint: int) -> None:
            woken.append(endpoint)
            if endpoint == 9:
                arrived.set()

        with _worker(url, database, drain) as sender:
            for endpoint in (7, 7, 7, 8, 9):
                sender.wake(endpoint)
            assert await asyncio.to_thread(arrived.wait, 15)
        assert set(woken) == {7, 8, 9}
        assert len(woken) <= 5

    async def test_deliveries_are_made(self, url: str | None, stage: Stage) -> None:
        """From end to end; the sweep is out of the way, so the message it is that brings them."""
        async with Receiver() as receiver:
            await stage.webhook(receiver.url)
            async with stage.working(broker_url=url, sweep_seconds=600.0):
                await until(lambda: _dispatched(stage))
                await stage.deviation()
                await receiver.wait(1)
                await stage.deviation()
                await receiver.wait(2)


class TestPostgres(BrokerCase):
    """The database itself, which is the default."""

    @pytest.fixture
    def url(self) -> None:
        """None is named."""

    async def test_the_applications_role_makes_no_schema(self, database: Database) -> None:
        """It uses the queue, and can neither create in its schema nor change its tables."""
        with psycopg.connect(database.app_dsn, autocommit=True) as connection:
            for statement in ("CREATE TABLE dramatiq.x ()", "ALTER TABLE dramatiq.queue ADD x int"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())

    async def test_the_schema_is_the_librarys_own(self, database: Database) -> None:
        """Column by column: a newer library that wants another one fails here, not in production."""
        from dramatiq_postgres.schema import generate_init_sql  # noqa: PLC0415

        query = """SELECT table_name, column_name, data_type, is_nullable, column_default IS NULL
            FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 2"""
        with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
            connection.execute(generate_init_sql(schema="theirs").encode())  # type: ignore[no-untyped-call]
            ours, theirs = (connection.execute(query, (schema,)).fetchall() for schema in ("dramatiq", "theirs"))
        assert ours == theirs


class TestRabbitmq(BrokerCase):
    """RabbitMQ, as compose.yaml starts it."""

    @pytest.fixture
    def url(self) -> str:
        """The standard port."""
        return _service("amqp://guest:guest@127.0.0.1:5672/")


class TestRedis(BrokerCase):
    """Redis."""

    @pytest.fixture
    def url(self) -> str:
        """The standard port."""
        return _service("redis://127.0.0.1:6379/0")


def test_an_unknown_scheme_is_refused() -> None:
    """With the names of those there are."""
    with pytest.raises(ValueError, match="postgresql, amqp or redis"):
        make_broker("kafka://x/", "postgresql:///x")


@contextmanager
def _worker(url: str | None, database: Database, drain: "object") -> Iterator[Sender]:
    broker = make_broker(url, database.app_dsn)
    sender = Sender(Tasks(broker, drain, prefix=f"test_{uuid4().hex}"))  # type: ignore[arg-type]
    worker = dramatiq.Worker(broker, worker_timeout=poll_milliseconds(broker, 0.1), worker_threads=1)
    sender.start()
    worker.start()
    try:
        yield sender
    finally:
        sender.stop(3)
        worker.stop(timeout=3000)
        broker.close()


def _service(url: str) -> str:
    """Return the URL of a service that answers; else skip, or fail where services are required."""
    parts = urlsplit(url)
    try:
        socket.create_connection((str(parts.hostname), int(parts.port or 0)), 1).close()
    except OSError as error:
        if os.environ.get("FLOWLEDGER_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"no {parts.scheme} service at port {parts.port}: {error}")
    return url


async def _dispatched(stage: Stage) -> bool:
    query = (
        "SELECT 1 FROM ops.positions AS p, ledger.head AS h WHERE p.name = 'webhooks.dispatch' AND p.position = h.size"
    )
    return bool(await stage.rows(query))
