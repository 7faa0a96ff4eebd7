"""Files in an object store: S3 and what speaks its language, and what else `obstore` knows."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import from_url

from ledger.store.files import FileMissing, StoreAway, Stored, blocks, checked

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

T = TypeVar("T")

log = structlog.get_logger(__name__)

#: The least that S3 takes as a part of many; an upload holds three of them.
_PART = 5 * 1024 * 1024
_PARTS_AT_ONCE = 2
_BLOCK = 1024 * 1024
#: Plain http is what an operator gets who names an endpoint that begins with it, and nobody else.
_CLIENT: "ClientConfig" = {"allow_http": True, "connect_timeout": "5s", "timeout": "60s"}
_RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


class ObjectFiles:
    """Files as objects under a bucket's prefix. An object is there as a whole or not at all."""

    def __init__(self, store: "ObjectStore") -> None:
        """Keep files in a store."""
        self._store = store

    @classmethod
    def at(cls, url: str) -> "ObjectFiles":
        """Return the store at a URL such as `s3://bucket/prefix`; who we are there comes from the environment.

        Raises obstore's BaseError where that does not do.
        """
        return cls(from_url(url, client_options=_CLIENT, retry_config=_RETRY))

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> Stored:
        """See `Files`. What is small goes in one request; of what is not, and never ends, the store keeps nothing."""
        counted = _Counted(chunks)
        parts = blocks(counted, _PART)
        first = await anext(parts, b"")
        if len(first) < _PART:
            await self._asked(obstore.put_async(self._store, _path(key), first, use_multipart=False))
        else:
            content = obstore.put_async(
                self._store, _path(key), _behind(first, parts), chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE
            )
            await self._asked(content)
        return counted.stored

    async def size(self, key: str) -> int:
        """See `Files`."""
        return (await self._asked(obstore.head_async(self._store, _path(key))))["size"]

    async def read(self, key: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """See `Files`. A request a block, so that a slow reader holds no connection, and a lost one is made again."""
        while start < stop:
            end = min(start + _BLOCK, stop)
            block = bytes(await self._asked(obstore.get_range_async(self._store, _path(key), start=start, end=end)))
            if len(block) != end - start:
                raise FileMissing(f"{key} ends at {start + len(block)}; there have to be {stop} bytes.")
            yield block
            start = end

    async def remove(self, key: str) -> None:
        """See `Files`."""
        try:
            await self._asked(obstore.delete_async(self._store, _path(key)))
        except FileMissing:
            return

    async def close(self) -> None:
        """See `Files`."""

    async def _asked(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except FileNotFoundError as error:
            raise FileMissing(str(error)) from error
        except (BaseError, OSError) as error:
            log.error("files_store_failed", error=str(error).partition("\n")[0])  # noqa: TRY400 - not the code failed
            raise StoreAway from error


class _Counted:
    """Chunks, counted and hashed as they go by."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks
        self._hash = sha256()
        self._size = 0

    @property
    def stored(self) -> Stored:
        """What went by."""
        return Stored(self._size, self._hash.hexdigest())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self._hash.update(chunk)
            self._size += len(chunk)
            yield chunk


async def _behind(first: bytes, rest: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for part in rest:
        yield part


def _path(key: str) -> str:
    return f"{checked(key)[:2]}/{key[2:4]}/{key}"
