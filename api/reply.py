"""What goes back."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from hashlib import sha256

import msgspec
from litestar.types import Message, Receive, Scope, Send
from msgspec import Struct

_VERSION = re.compile(r"\d{1,18}", re.ASCII)
#: Answers depend on who asks; a cache may keep none, but where there is a tag to ask again with.
_VARY = (b"vary", b"Accept, Authorization, Cookie")
_NEVER_KEPT = (b"cache-control", b"no-store")
_ASKED_AGAIN = (b"cache-control", b"private, no-cache")
_AS_TOLD = (b"x-content-type-options", b"nosniff")
JSON = "application/json"
#: What a reader has to take within the time that it is given for a piece.
_PIECE = 64 * 1024

RawHeaders = list[tuple[bytes, bytes]]


class Reply(Struct, frozen=True, kw_only=True):
    """What goes back: bytes that are ready, a status, and the headers that are this answer's own.

    position: that of the write that it answers, 0 for a read; read_position: where the read model was, if behind it.
    """

    status: int = 200
    body: bytes = b""
    etag: str = ""
    position: int = 0
    read_position: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = JSON


class Streamed(Reply, frozen=True, kw_only=True):
    """A reply whose body comes in pieces: `length` bytes, of which `chunks` begins to make the first when it is sent.

    length: None where nobody knows it before; then the last piece says that it is the last.
    Its content-type is among the headers. place: what is held while it is sent. seconds: how long its reader may take
    for a piece.
    """

    length: int | None
    place: Callable[[], AbstractAsyncContextManager[None]]
    seconds: float
    chunks: Callable[[], AsyncGenerator[bytes, None]]


async def nothing() -> AsyncGenerator[bytes, None]:
    """Make no pieces: what a HEAD is answered with."""
    return
    yield b""


class Answer:
    """A reply on its way out, as an ASGI application."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, headers: RawHeaders, body: bytes) -> None:
        """Send these; the body's length is added."""
        self._status, self._body = status, body
        if status not in (204, 304):
            headers.append((b"content-length", b"%d" % len(body)))
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        """Send it."""
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


class StreamedAnswer:
    """A reply on its way out whose body comes in pieces; no more are made than its reader takes."""

    __slots__ = ("_headers", "_reply", "_status")

    def __init__(self, status: int, headers: RawHeaders, reply: Streamed) -> None:
        """Send these; the body's length is added where it is known."""
        self._status, self._reply = status, reply
        length = [] if reply.length is None else [(b"content-length", b"%d" % reply.length)]
        self._headers = [*headers, *length]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        """Send it. Raises what its place does before anything is sent.

        Where a piece can't be had, or is not taken, the answer breaks off: it is never ended as if it were whole.
        """
        async with self._reply.place():
            await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
            gone = asyncio.create_task(_until_gone(receive), name="download-reader")
            try:
                await self._send_all(send, gone)
            finally:
                gone.cancel()
                with suppress(asyncio.CancelledError):
                    await gone

    async def _send_all(self, send: Send, gone: asyncio.Task[None]) -> None:
        async with aclosing(self._reply.chunks()) as chunks:
            async for chunk in chunks:
                for piece in _pieces(chunk):
                    if gone.done():
                        return
                    await self._sent(send, {"type": "http.response.body", "body": piece, "more_body": True})
        await self._sent(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _sent(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self._reply.seconds):
            await send(message)


def _pieces(chunk: bytes) -> Iterator[bytes]:
    return (chunk[begin : begin + _PIECE] for begin in range(0, len(chunk), _PIECE))


async def _until_gone(receive: Receive) -> None:
    """Return once the client is gone; the server takes what is sent after that without a word."""
    with suppress(Exception):
        while (await receive())["type"] != "http.disconnect":
            pass


def answer(reply: Reply, seen: int, *, reading: bool, if_none_match: str = "") -> Answer | StreamedAnswer:
    """Return a reply as it goes over the wire; a read whose If-None-Match holds is 304 without a body.

    seen: the position that a read model had passed before it was read.
    """
    status, body = reply.status, reply.body
    cached = _ASKED_AGAIN if reading and reply.etag else _NEVER_KEPT
    headers = [_VARY, cached, _AS_TOLD, (b"x-position", b"%d" % (reply.position or seen))]
    if reply.read_position:
        headers.append((b"x-read-position", b"%d" % reply.read_position))
    if reply.etag:
        headers.append((b"etag", reply.etag.encode()))
        if reading and if_none_match and holds(if_none_match, reply.etag):
            status, body = 304, b""
    headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers]
    if isinstance(reply, Streamed) and status != 304:
        return StreamedAnswer(status, headers, reply)
    if body:
        headers.append((b"content-type", reply.media_type.encode()))
    return Answer(status, headers, body)


def etag(version: int, body: bytes) -> str:
    """Return a record's strong entity tag: its version, and the hash of this representation."""
    return f'"{version}-{sha256(body).hexdigest()[:16]}"'


def etag_version(tag: str) -> int | None:
    """Return the version in an entity tag."""
    number = tag.strip().removeprefix("W/").strip('"').partition("-")[0]
    return int(number) if _VERSION.fullmatch(number) else None


def record_reply(version: int, value: object, status: int = 200) -> Reply:
    """Return a record as a reply, with its entity tag."""
    body = msgspec.json.encode(value)
    return Reply(status=status, body=body, etag=etag(version, body))


def holds(given: str, tag: str) -> bool:
    """Tell whether an If-None-Match names an entity tag."""
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in given.split(","))
