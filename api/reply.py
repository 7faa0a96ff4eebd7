"""What goes back."""

import re
from hashlib import sha256

import msgspec
from litestar.types import Receive, Scope, Send
from msgspec import Struct

_VERSION = re.compile(r"\d{1,18}", re.ASCII)
#: Answers depend on who asks; a cache may keep none, but where there is a tag to ask again with.
_VARY = (b"vary", b"Accept, Authorization, Cookie")
_NEVER_KEPT = (b"cache-control", b"no-store")
_ASKED_AGAIN = (b"cache-control", b"private, no-cache")
_AS_TOLD = (b"x-content-type-options", b"nosniff")
_JSON = (b"content-type", b"application/json")

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


def answer(reply: Reply, seen: int, *, reading: bool, if_none_match: str = "") -> Answer:
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
        if reading and if_none_match and _holds(if_none_match, reply.etag):
            status, body = 304, b""
    headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers]
    if body:
        headers.append(_JSON)
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


def _holds(given: str, tag: str) -> bool:
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in given.split(","))
