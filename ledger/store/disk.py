"""Files in a folder."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from ledger.files import make_folder, sync_folder
from ledger.store.files import FileMissing, StoreAway, Stored, blocks, checked

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)

_BLOCK = 256 * 1024
#: A disk that hangs holds these, and no thread that others need.
_THREADS = 4


class DiskFiles:
    """Files below a folder, two levels deep by their keys, for our user alone.

    A file is written under another name, and gets its own once all of it is on the disk: what can be read is whole.
    """

    def __init__(self, folder: Path) -> None:
        """Keep files in a folder, which is made with the first."""
        self._folder = folder
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="files")

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> Stored:
        """See `Files`."""
        draft = _Draft(self._folder, self._path(key))
        try:
            await self._do(draft.begin)
            async for block in blocks(chunks, _BLOCK):
                await self._do(draft.write, block)
            return await self._do(draft.keep)
        except BaseException:
            await self._do(draft.drop)
            raise

    async def size(self, key: str) -> int:
        """See `Files`."""
        return (await self._do(self._path(key).stat)).st_size

    async def read(self, key: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """See `Files`."""
        path = self._path(key)
        with ExitStack() as opened:
            # Held from the thread on: who is cancelled meanwhile never sees what was opened.
            file = await self._do(lambda: opened.enter_context(path.open("rb", buffering=0)))
            while start < stop:
                block = await self._do(os.pread, file.fileno(), min(_BLOCK, stop - start), start)
                if not block:
                    raise FileMissing(f"{key} ends at {start}; there have to be {stop} bytes.")
                yield block
                start += len(block)

    async def remove(self, key: str) -> None:
        """See `Files`."""
        await self._do(_Draft(self._folder, self._path(key)).drop)

    async def close(self) -> None:
        """See `Files`."""
        self._threads.shutdown(wait=False)

    def _path(self, key: str) -> Path:
        return self._folder / checked(key)[:2] / key[2:4] / key

    async def _do(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Work in a thread; who is cancelled, even twice, waits for it: nobody may close a file that it writes to."""
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._threads, lambda: work(*args, **named))
        await _ended(done)
        try:
            return done.result()
        except FileNotFoundError as error:
            raise FileMissing(str(error)) from error
        except OSError as error:
            log.error("files_disk_failed", error=str(error))  # noqa: TRY400 - the disk failed, not the code
            raise StoreAway from error


async def _ended(done: asyncio.Future[T]) -> None:
    """Wait until something has ended. Raises CancelledError not before that; then nobody asks what came of it."""
    cancelled: asyncio.CancelledError | None = None
    while not done.done():
        try:
            await asyncio.wait([done])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        done.exception()
        raise cancelled


class _Draft:
    """A file that is being written; each method is one visit to the disk."""

    def __init__(self, root: Path, path: Path) -> None:
        self._root = root
        self._path = path
        self._draft = path.with_name(f".{path.name}.part")
        self._descriptor: int | None = None
        self._hash = sha256()
        self._size = 0

    def begin(self) -> None:
        """Open it, under a name that nobody reads."""
        for folder in (self._root, self._path.parent.parent, self._path.parent):
            make_folder(folder, 0o700)
        self._descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, block: bytes) -> None:
        """Write a block."""
        assert self._descriptor is not None  # noqa: S101 - begun
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._hash.update(block)
        self._size += len(block)

    def keep(self) -> Stored:
        """Have all of it on the disk, then its name."""
        assert self._descriptor is not None  # noqa: S101 - begun
        os.fsync(self._descriptor)
        self._close()
        self._draft.rename(self._path)
        sync_folder(self._path.parent)
        return Stored(self._size, self._hash.hexdigest())

    def drop(self) -> None:
        """Leave nothing."""
        self._close()
        for path in (self._draft, self._path):
            with suppress(FileNotFoundError):
                path.unlink()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
