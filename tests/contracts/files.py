"""What every store of files owes, wherever it keeps them: subclassed by each."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256

import pytest

from ledger.store import FileMissing, Files, new_key

MIB = 1024 * 1024


async def cut(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """Yield content as it comes from a network."""
    for place in range(0, len(content), size):
        yield content[place : place + size]


async def read(files: Files, key: str, start: int, stop: int) -> bytes:
    """Return a part of a file."""
    return b"".join([chunk async for chunk in files.read(key, start, stop)])


class GoneError(Exception):
    """The client went away."""


async def broken(content: bytes) -> AsyncIterator[bytes]:
    """Yield content, and then fail."""
    async for chunk in cut(content):
        yield chunk
    raise GoneError


class FilesContract:
    """A file is there as a whole, or not at all."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def files(self) -> Iterator[Files]:
        """The store."""
        raise NotImplementedError

    async def test_what_was_put_is_read_as_a_whole_and_in_parts(self, files: Files) -> None:
        for size in (1, 65_537, 5 * MIB - 1, 5 * MIB, 11 * MIB + 3):
            content, key = os.urandom(size), new_key()
            stored = await files.put(key, cut(content))
            assert stored == (size, sha256(content).hexdigest())
            assert await files.size(key) == size
            assert await read(files, key, 0, size) == content
            assert await read(files, key, size // 3, size // 2) == content[size // 3 : size // 2]
            assert await read(files, key, size - 1, size) == content[-1:]

    async def test_a_file_of_nothing_is_a_file(self, files: Files) -> None:
        key = new_key()
        assert (await files.put(key, cut(b""))).size == 0
        assert await files.size(key) == 0
        assert await read(files, key, 0, 0) == b""

    async def test_nothing_is_there_before_all_of_it_is(self, files: Files) -> None:
        key, more, begun = new_key(), asyncio.Event(), asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield bytes(6 * MIB)
            begun.set()
            await more.wait()
            yield b"end"

        put = asyncio.ensure_future(files.put(key, slowly()))
        await begun.wait()
        with pytest.raises(FileMissing):
            await files.size(key)
        with pytest.raises(FileMissing):
            await read(files, key, 0, 1)
        more.set()
        assert (await put).size == 6 * MIB + 3

    @pytest.mark.parametrize("size", [1, 300_000, 12 * MIB])
    async def test_what_breaks_off_leaves_nothing_and_says_why(self, files: Files, size: int) -> None:
        key = new_key()
        with pytest.raises(GoneError):
            await files.put(key, broken(bytes(size)))
        with pytest.raises(FileMissing):
            await files.size(key)

    async def test_a_put_that_is_cancelled_leaves_nothing(self, files: Files) -> None:
        key, begun = new_key(), asyncio.Event()

        async def for_ever() -> AsyncIterator[bytes]:
            while True:
                yield bytes(MIB)
                begun.set()
                await asyncio.sleep(0)

        put = asyncio.ensure_future(files.put(key, for_ever()))
        await begun.wait()
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put
        with pytest.raises(FileMissing):
            await files.size(key)

    async def test_what_is_removed_is_gone_and_removing_nothing_is_well(self, files: Files) -> None:
        key = new_key()
        await files.put(key, cut(b"abc"))
        for _ in range(2):
            await files.remove(key)
            with pytest.raises(FileMissing):
                await files.size(key)
        await files.remove(new_key())

    async def test_what_is_not_there_is_said_to_be_missing(self, files: Files) -> None:
        with pytest.raises(FileMissing):
            await files.size(new_key())
        with pytest.raises(FileMissing):
            await read(files, new_key(), 0, 1)

    async def test_more_than_there_is_is_missing(self, files: Files) -> None:
        key = new_key()
        await files.put(key, cut(b"abc"))
        with pytest.raises(FileMissing):
            await read(files, key, 0, 4)

    async def test_many_at_once_do_not_disturb_each_other(self, files: Files) -> None:
        contents = {new_key(): os.urandom(100_000 + number) for number in range(12)}
        await asyncio.gather(*(files.put(key, cut(content)) for key, content in contents.items()))
        for key, content in contents.items():
            assert await read(files, key, 0, len(content)) == content

    @pytest.mark.parametrize("key", ["", "../../etc/passwd", "A" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n", "/" * 32])
    async def test_what_is_no_key_is_refused(self, files: Files, key: str) -> None:
        with pytest.raises(ValueError, match="not a key"):
            await files.put(key, cut(b"abc"))
        with pytest.raises(ValueError, match="not a key"):
            await files.size(key)
        with pytest.raises(ValueError, match="not a key"):
            await read(files, key, 0, 1)
        with pytest.raises(ValueError, match="not a key"):
            await files.remove(key)
