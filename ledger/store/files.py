"""What a store of files does, wherever it keeps them."""

import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterable
from typing import NamedTuple, Protocol

from domain.errors import Unavailable

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)


class FileMissing(Exception):
    """There is no file under a key, or not as much of it as there has to be."""


class StoreAway(Unavailable):
    """The store can not be reached, is full, or refuses; what it says is in the log."""

    def __init__(self) -> None:
        super().__init__("Files can not be stored or read at the moment; ask again later.")


class Stored(NamedTuple):
    """A file that is kept: its size in bytes, and the SHA-256 of its content in hexadecimal digits."""

    size: int
    sha256: str


class Files(Protocol):
    """A store of files by key, all of which come from `new_key`. Memory is that of a few blocks, whatever the size.

    Raises StoreAway where the store does not work.
    """

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> Stored:
        """Keep what comes; it is durable and whole on return.

        Whatever is raised, by the chunks too, nothing can be read under the key; only a process that is killed may
        leave something for `remove`.
        """

    async def size(self, key: str) -> int:
        """Return a file's size in bytes. Raises FileMissing."""

    def read(self, key: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start` up to `stop`, not included. Raises FileMissing where there are not as many."""

    async def remove(self, key: str) -> None:
        """Remove a file, and what a `put` that never ended has left of it; nothing where there is none."""

    async def close(self) -> None:
        """Let go of what is open."""


def new_key() -> str:
    """Return a key that nobody can guess, and that was never given before."""
    return secrets.token_hex(16)


def is_key(key: str) -> bool:
    """Tell whether a text is a key."""
    return _KEY.fullmatch(key) is not None


def checked(key: str) -> str:
    """Return a key. Raises ValueError for what none is: it becomes part of a path."""
    if not is_key(key):
        raise ValueError("not a key of a file")
    return key


async def blocks(chunks: AsyncIterable[bytes], size: int) -> AsyncGenerator[bytes, None]:
    """Yield the same bytes in blocks of at least `size`, but for the last."""
    waiting: list[bytes] = []
    held = 0
    async for chunk in chunks:
        waiting.append(chunk)
        held += len(chunk)
        if held >= size:
            yield b"".join(waiting)
            waiting, held = [], 0
    if held:
        yield b"".join(waiting)
