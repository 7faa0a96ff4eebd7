"""The stores of files: on the disk, and in an object store over HTTP."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ledger.store import DiskFiles, FileMissing, Files, ObjectFiles, StoreAway, new_key, open_files
from tests.contracts.files import MIB, FilesContract, GoneError, broken, cut, read
from tests.support.objects import Objects, serving_objects
from tests.support.product import free_port, until


@pytest.fixture(scope="session")
def objects() -> Iterator[Objects]:
    """An S3 server, started when first asked for."""
    with serving_objects() as it:
        yield it


class TestDisk(FilesContract):
    """Files in a folder."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> Files:
        return DiskFiles(tmp_path / "files")

    async def test_only_we_may_read_them(self, files: Files, tmp_path: Path) -> None:
        key = new_key()
        await files.put(key, cut(b"abc"))
        path = tmp_path / "files" / key[:2] / key[2:4] / key
        assert path.read_bytes() == b"abc"
        assert path.stat().st_mode & 0o777 == 0o600
        for folder in list(path.parents)[:3]:
            assert folder.stat().st_mode & 0o777 == 0o700

    async def test_a_full_disk_is_told_as_away_and_leaves_nothing(
        self, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = new_key()

        async def until_full() -> AsyncIterator[bytes]:
            yield bytes(MIB)
            monkeypatch.setattr(os, "write", full)
            yield bytes(MIB)

        with pytest.raises(StoreAway):
            await files.put(key, until_full())
        monkeypatch.undo()
        assert not left(tmp_path)

    async def test_what_the_disk_does_not_confirm_is_not_kept(
        self, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StoreAway):
            await files.put(new_key(), cut(b"abc"))
        monkeypatch.undo()
        assert not left(tmp_path)

    async def test_a_write_that_is_cancelled_twice_ends_before_what_was_written_is_dropped(
        self, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = held_back(monkeypatch, os, "write")
        put = asyncio.ensure_future(files.put(new_key(), cut(b"abc")))
        await cancelled_twice(put, held)
        assert left(tmp_path)
        held.go.set()
        with pytest.raises(asyncio.CancelledError):
            await put
        assert not left(tmp_path)

    async def test_a_read_that_is_cancelled_while_it_opens_leaves_nothing_open(
        self, files: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = new_key()
        await files.put(key, cut(b"abc"))
        held = held_back(monkeypatch, Path, "open")
        reading = asyncio.ensure_future(read(files, key, 0, 3))
        await cancelled_twice(reading, held)
        held.go.set()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert not [it for it in psutil.Process().open_files() if key in it.path]

    async def test_a_killed_process_leaves_nothing_to_read_and_all_of_it_can_be_removed(self, tmp_path: Path) -> None:
        key = new_key()
        killed_while_writing(tmp_path, key)
        files = DiskFiles(tmp_path)
        with pytest.raises(FileMissing):
            await files.size(key)
        await files.remove(key)
        assert not left(tmp_path)


_WRITES_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from ledger.store import DiskFiles

async def for_ever():
    while True:
        yield bytes(65536)
        await asyncio.sleep(0)

asyncio.run(DiskFiles(Path(sys.argv[1])).put(sys.argv[2], for_ever()))
"""


def killed_while_writing(folder: Path, key: str) -> None:
    """Have a process die in the middle of a file."""
    with subprocess.Popen([sys.executable, "-c", _WRITES_FOR_EVER, str(folder), key]) as writer:
        until(lambda: [path for path in left(folder) if path.stat().st_size > MIB])
        writer.send_signal(signal.SIGKILL)


def left(folder: Path) -> list[Path]:
    """Return the files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def full(*_: object) -> int:
    """Fail as a disk without room does."""
    raise OSError(errno.ENOSPC, "No space left on device")


class Held:
    """A call that has begun in its thread and goes on when it is let."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()


def held_back(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> Held:
    """Have the calls of a function wait."""
    held, done = Held(), getattr(owner, name)

    def wait(*args: Any, **named: Any) -> Any:
        held.begun.set()
        assert held.go.wait(20)
        return done(*args, **named)

    monkeypatch.setattr(owner, name, wait)
    return held


async def cancelled_twice(task: asyncio.Future[Any], held: Held) -> None:
    """Cancel a task twice while its call is held."""
    await asyncio.to_thread(held.begun.wait, 20)
    for _ in range(2):
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)


class TestObjects(FilesContract):
    """Files in S3."""

    @pytest.fixture
    def bucket(self, objects: Objects, monkeypatch: pytest.MonkeyPatch) -> str:
        for name, value in objects.environ.items():
            monkeypatch.setenv(name, value)
        return objects.bucket()

    @pytest.fixture
    def files(self, bucket: str) -> Files:
        return ObjectFiles.at(f"s3://{bucket}/some/prefix")

    async def test_what_breaks_off_leaves_no_parts_behind(self, files: Files, bucket: str, objects: Objects) -> None:
        with pytest.raises(GoneError):
            await files.put(new_key(), broken(bytes(12 * MIB)))
        assert (objects.keys(bucket), objects.unfinished(bucket)) == (0, 0)

    async def test_a_store_that_is_away_is_told_as_away(self, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        files = ObjectFiles.at(f"s3://{bucket}")
        for asked in (
            lambda: files.put(new_key(), cut(b"abc")),
            lambda: files.size(new_key()),
            lambda: read(files, new_key(), 0, 1),
            lambda: files.remove(new_key()),
        ):
            with pytest.raises(StoreAway):
                await asyncio.wait_for(asked(), 20)


def test_a_url_names_the_store_and_without_one_it_is_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert isinstance(open_files(None, tmp_path), DiskFiles)
    assert isinstance(open_files(f"file://{tmp_path}/a%20b", tmp_path), DiskFiles)
    assert isinstance(open_files("s3://bucket/prefix", tmp_path), ObjectFiles)
