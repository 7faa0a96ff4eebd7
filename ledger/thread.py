"""The writer for callers without an event loop: its loop runs in one thread."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from threading import Lock, Thread
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from domain.errors import Unavailable
from ledger.append import Allotment, Append, Plan, Receipt
from ledger.writer import Writer


class WriterThread:
    """Appends from any number of threads, batched by one writer. The thread starts with the first append."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection[Any]]]) -> None:
        """Prepare; nothing is started or opened before the first append."""
        self._connect = connect
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._writer: Writer | None = None
        self._closed = False

    def append(
        self, plan: Callable[[Allotment], Plan], expects: Sequence[tuple[UUID, int]], *, strict: bool
    ) -> Receipt:
        """Wait until an append is durable. Raises what `Writer.append` does; Unavailable once closed."""
        writer, loop = self._started()

        async def append() -> Receipt:
            return await writer.append(Append(plan, expects, strict))

        return asyncio.run_coroutine_threadsafe(append(), loop).result()

    def close(self) -> None:
        """Write what is waiting, close the connection and end the thread."""
        with self._lock:
            self._closed = True
            loop, thread, writer = self._loop, self._thread, self._writer
            self._loop = self._thread = self._writer = None
        if loop is not None and thread is not None and writer is not None:
            asyncio.run_coroutine_threadsafe(writer.close(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _started(self) -> tuple[Writer, asyncio.AbstractEventLoop]:
        with self._lock:
            if self._closed:
                raise Unavailable("The ledger is closed.")
            if self._loop is None or self._writer is None:
                self._loop = asyncio.new_event_loop()
                self._writer = Writer(self._connect)
                # A daemon: a program that forgets to close must still be able to end.
                self._thread = Thread(target=self._loop.run_forever, name="ledger-writer", daemon=True)
                self._thread.start()
            return self._writer, self._loop
