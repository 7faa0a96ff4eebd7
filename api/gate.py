"""The outermost door: one path for every prefix, request ids, limits, and a line in the log for each request."""

import asyncio
import re
import time
from typing import Any
from urllib.parse import unquote_to_bytes

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from api.access import access_log
from api.call import new_request_id
from api.cors import Cors
from api.doors import VIEWS, Doors
from api.errors import HttpRefusal
from api.limits_gate import Turnstile
from api.reply import RawHeaders, answer
from api.routes import ErrorForm, refused

_PREFIXES = ("/v1/api", "/v1")
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def gate(app: ASGIApp, doors: Doors, errors: ErrorForm, turnstile: Turnstile) -> ASGIApp:
    """Wrap the application: `/v1/x`, `/v1/api/x` and (of media) `/x` are `/api/x`, HEAD is GET, every answer is tagged.

    Tags: X-Request-ID, X-RateLimit-*, what lets a page of another site read it; X-Position where an answer has none of
    its own. `errors`: the form of refusals that come before any route is looked for.
    """
    tell_of = access_log()
    cors = Cors(doors.settings.cors_origins)

    async def through(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0
        inner = _inner(scope)
        request_id: str = inner["state"]["request_id"]
        headers: dict[str, str] = inner["state"]["headers"]
        # Each request is a task with a context of its own.
        bind_contextvars(request_id=request_id)
        tags: RawHeaders = [(b"x-request-id", request_id.encode()), *cors.headers(headers)]

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _tagged([*message["headers"]], tags, doors)
            await send(message)

        try:
            preflight = cors.preflight(inner["method"], headers)
            if preflight is None:
                await turnstile.count(inner, tags)
                _check_path(inner)
            await (preflight or app)(inner, _patient(receive, doors.settings.request_seconds), tell)
        except Exception as error:
            if status:
                raise  # The answer has begun: the server can only break it off.
            reply = refused(error, errors, request_id)
            await answer(reply, doors.read_position(VIEWS[0]), reading=False)(inner, receive, tell)
        finally:
            tell_of(scope["method"], scope["path"], status, begun, request_id)

    return through


def _tagged(own: RawHeaders, tags: RawHeaders, doors: Doors) -> RawHeaders:
    if all(name != b"x-position" for name, _ in own):
        own.append((b"x-position", b"%d" % doors.read_position(VIEWS[0])))
    return own + tags


def _inner(scope: Any) -> Any:
    """Return the request as the routes know it. The server leaves a HEAD's body out by itself."""
    headers = _joined(scope["headers"])
    asked: str = scope["path"]
    prefix = "/api"
    inner = dict(scope)
    if asked.startswith("/v1/"):
        prefix = next(one for one in _PREFIXES if asked.startswith(one + "/"))
        inner["path"] = "/api" + asked.removeprefix(prefix)
        inner["raw_path"] = b"/api" + scope["raw_path"].removeprefix(prefix.encode())
    elif asked.startswith("/media/"):
        inner["path"] = "/api" + asked
        inner["raw_path"] = b"/api" + scope["raw_path"]
    if scope["method"] == "HEAD":
        inner["method"] = "GET"
    request_id = new_request_id(headers.get("x-request-id", ""))
    inner["state"] = {
        **scope.get("state", {}),
        "request_id": request_id,
        "prefix": prefix,
        "headers": headers,
        "method": scope["method"],
    }
    return inner


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; those that come more than once are one list, as RFC 9110 has it."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.decode("latin-1")
        text = value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _check_path(scope: Any) -> None:
    """Raise HttpRefusal for a path that is not percent-encoded UTF-8, or holds control characters."""
    raw: bytes = scope["raw_path"]
    if b"%" in raw and (_BROKEN.search(raw) or not _is_text(unquote_to_bytes(raw))):
        raise HttpRefusal("VALIDATION_ERROR", "The path is not percent-encoded UTF-8.")


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(content)


def _patient(receive: Receive, seconds: float) -> Receive:
    """Return what reads the body: it waits so long for each part of it, and says plainly why there is no more."""
    whole = False

    async def part() -> Any:
        nonlocal whole
        if whole:
            return await receive()  # It tells only that the client is gone.
        try:
            async with asyncio.timeout(seconds):
                message = await receive()
        except TimeoutError as late:
            raise HttpRefusal("VALIDATION_ERROR", "The body stopped coming before its end.") from late
        if message["type"] == "http.disconnect":
            raise HttpRefusal("VALIDATION_ERROR", "The client left before the end of its body.")
        whole = not message.get("more_body", False)
        return message

    return part
