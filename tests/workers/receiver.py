"""A subscriber: a real HTTP server on loopback that keeps what it gets, and answers what it is told to."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple, Self

import msgspec

from tests.workers.waiting import until


class Received(NamedTuple):
    """One request, as it came in."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        """The message's id."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        """The body, decoded."""
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded


class Reply(NamedTuple):
    """What is answered, with which headers (`name: value` lines), and after what."""

    status: int = 200
    headers: tuple[str, ...] = ()
    after: asyncio.Event | None = None
    body: bytes = b""


class Receiver:
    """Use as a context. `reply` says what each request is answered; 200 at once where it says nothing."""

    def __init__(self, reply: Callable[[Received], Reply | None] | None = None) -> None:
        """Prepare."""
        self.reply = reply or (lambda _: None)
        self.received: list[Received] = []
        self.answered = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening, and end what is under way."""
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"

    async def wait(self, count: int, seconds: float = 40.0) -> list[Received]:
        """Wait until so many requests have come in."""
        await until(lambda: len(self.received) >= count, seconds, lambda: f"{len(self.received)} of {count} came")
        return self.received

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if not await reader.readline():
            return False
        headers = {}
        while line := (await reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers["content-length"]))
        received = Received(headers, body, perf_counter())
        self.received.append(received)
        reply = self.reply(received) or Reply()
        if reply.after is not None:
            await reply.after.wait()
        lines = [f"HTTP/1.1 {reply.status} x", *reply.headers, f"content-length: {len(reply.body)}", "", ""]
        writer.write("\r\n".join(lines).encode() + reply.body)
        await writer.drain()
        self.answered += 1
        return True
