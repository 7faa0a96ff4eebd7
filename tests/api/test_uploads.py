"""Files on their way: whatever ends a process between the file and its event, nothing is lost and nothing stays."""

import signal
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from api.uploads import Uploads
from ledger.append import Append, Plan, Proposed
from ledger.connect import connect, pool
from ledger.store import DiskFiles, FileMissing, StoreAway
from ledger.writer import Writer
from tests.api.files import PDF, attach, attached, configured, stored
from tests.api.stories import Story
from tests.contracts.files import cut
from tests.domain.people import STREAM
from tests.support.database import Database, Server
from tests.support.objects import serving_objects
from tests.support.product import People, Process, Product, running, until

MIB = 1024 * 1024
pytestmark = pytest.mark.anyio


class Stage:
    """Uploads on a test's own database and folder."""

    def __init__(self, uploads: Uploads, database: Database) -> None:
        self.uploads = uploads
        self.files = uploads.files
        self._database = database

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Ask the database."""
        with psycopg.connect(self._database.owner_dsn) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def rows(self) -> list[tuple[object, ...]]:
        """Return the uploads that are under way, or came to nothing."""
        return self.execute("SELECT key, ended FROM ops.uploads")

    async def failing(self, *, recorded: bool) -> str:
        """Have an upload fail, before its event is recorded or after that; return its key."""
        key = ""
        with suppress(ZeroDivisionError):
            async with self.uploads.under_way() as key:
                await self.files.put(key, cut(b"abc"))
                if recorded:
                    await self.append(key)
                raise ZeroDivisionError
        return key

    async def append(self, key: str) -> None:
        """Append an event that refers to a file."""
        writer = Writer(lambda: connect(self._database.app_dsn, "test writer"))
        try:
            plan = Plan([Proposed(STREAM, 1, "deviation.closed", b"{}")], [self.uploads.settle(key)])
            await writer.append(Append(lambda _: plan, [(STREAM, 1)], strict=False))
        finally:
            await writer.close()


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """Uploads, and what is behind them."""
    connections = pool(database.app_dsn, "test", 2)
    await connections.open()
    yield Stage(Uploads(connections, DiskFiles(tmp_path)), database)
    await connections.close()


async def test_a_file_whose_event_was_recorded_stays(stage: Stage) -> None:
    async with stage.uploads.under_way() as key:
        await stage.files.put(key, cut(b"abc"))
        await stage.append(key)
    await stage.uploads.clean()
    assert stage.rows() == []
    assert await stage.files.size(key) == 3


async def test_a_file_whose_upload_fails_is_removed_at_once(stage: Stage) -> None:
    key = await stage.failing(recorded=False)
    assert stage.rows() == []
    with pytest.raises(FileMissing):
        await stage.files.size(key)


async def test_a_file_whose_event_was_recorded_stays_whatever_fails_after_that(stage: Stage) -> None:
    key = await stage.failing(recorded=True)
    assert await stage.files.size(key) == 3


async def test_what_a_dead_process_left_is_removed_after_a_day_and_not_before(stage: Stage) -> None:
    key = "0" * 32
    await stage.files.put(key, cut(b"abc"))
    stage.execute(f"INSERT INTO ops.uploads (key, begun_at) VALUES ('{key}', now() - interval '23 hours')")
    await stage.uploads.clean()
    assert await stage.files.size(key) == 3
    stage.execute("UPDATE ops.uploads SET begun_at = now() - interval '25 hours'")
    await stage.uploads.clean()
    assert stage.rows() == []
    with pytest.raises(FileMissing):
        await stage.files.size(key)


async def test_no_event_is_recorded_of_a_file_that_was_given_up(stage: Stage) -> None:
    key = "0" * 32
    stage.execute(f"INSERT INTO ops.uploads (key, ended) VALUES ('{key}', true)")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await stage.append(key)
    assert stage.execute("SELECT count(*) FROM ledger.events") == [(0,)]


async def test_what_the_store_can_not_remove_now_is_removed_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: str) -> None:
        raise StoreAway

    monkeypatch.setattr(stage.files, "remove", away)
    key = await stage.failing(recorded=False)
    assert stage.rows() == [(key, True)]
    monkeypatch.undo()
    await stage.uploads.clean()
    assert stage.rows() == []
    with pytest.raises(FileMissing):
        await stage.files.size(key)


def test_a_large_file_needs_little_memory_in_and_out(people: People, product: Product) -> None:
    assert product.api is not None
    api = psutil.Process(product.api.popen.pid)
    story, client = Story(people), people("user")
    attached(client, story.path)
    before, content = api.memory_info().rss, bytes(64 * MIB)
    with configured(product, attachment_max_bytes=64 * MIB), ThreadPoolExecutor(1) as other:
        upload = other.submit(attached, client, story.path, content)
        taken = list(memory_until_done(api, upload))
        download = other.submit(client.get, upload.result()["file"])
        taken += memory_until_done(api, download)
    assert download.result().content == content
    assert max(taken) - before < 24 * MIB


def memory_until_done(process: psutil.Process, work: Future[Any]) -> Iterator[int]:
    """Yield what a process has of the memory, again and again."""
    while not work.done():
        yield process.memory_info().rss


@pytest.fixture
def own(server: Server, tmp_path: Path) -> Iterator[tuple[Product, Database]]:
    """A product that may be killed."""
    with server.database() as made, running(tmp_path, made.app_dsn, made.owner_dsn) as it:
        yield it, made


@pytest.mark.long
def test_a_process_killed_between_the_file_and_its_event_leaves_nothing_that_is_served(
    own: tuple[Product, Database],
) -> None:
    product, database = own
    people = People(product)
    story, client = Story(people), people("user")
    kept = attached(client, story.path)
    with psycopg.connect(database.owner_dsn) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT FROM ledger.head FOR UPDATE")
        answer = pool.submit(attach, client, story.path, b"lost")
        until(lambda: [path for path in stored(product) if path.read_bytes() == b"lost"], says="the file")
        assert product.api is not None
        product.api.stop(signal.SIGKILL)
        with pytest.raises(httpx.HTTPError):
            answer.result()
    serve_again(product)
    shown = people("viewer").get(story.path).json()["attachments"]
    assert [file["id"] for file in shown] == [kept["id"]]
    with psycopg.connect(database.owner_dsn) as other:
        other.execute("UPDATE ops.uploads SET begun_at = begun_at - interval '25 hours'")
    product.api.stop()
    serve_again(product)
    until(lambda: [path.read_bytes() for path in stored(product)] == [PDF], says="nothing left")
    assert people("viewer").get(kept["file"]).content == PDF
    assert attached(client, story.path)["id"] == kept["id"] + 1


def serve_again(product: Product) -> None:
    """Start the API of a product that runs."""
    product.api = Process("serve", "--port", str(product.port), data=product.data, env=product.env)
    until(lambda: product.http.get("/readyz").status_code == 200, says="ready")


@pytest.mark.long
def test_the_product_keeps_its_files_in_an_object_store(server: Server, tmp_path: Path) -> None:
    with serving_objects() as objects, server.database() as made:
        bucket = objects.bucket()
        given = {**objects.environ, "FLOWLEDGER_FILES_URL": f"s3://{bucket}/files"}
        with running(tmp_path, made.app_dsn, made.owner_dsn, **given) as product:
            people = People(product)
            story, client = Story(people), people("user")
            content = bytes(range(256)) * 40_000
            file = attached(client, story.path, content)["file"]
            assert people("viewer").get(file).content == content
            some = people("viewer").get(file, headers={"Range": "bytes=5000000-5000009"})
            assert some.content == content[5_000_000:5_000_010]
            assert attach(client, story.path, b"", "empty.pdf").status_code == 400
            assert (objects.keys(bucket), objects.unfinished(bucket)) == (1, 0)
            assert stored(product) == []
