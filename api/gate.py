"""The outermost door: one path for every prefix, request ids, and a line in the log for each request."""

import time
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from api.access import access_log
from api.call import new_request_id

_PREFIXES = ("/v1/api", "/v1")


def gate(app: ASGIApp) -> ASGIApp:
    """Wrap the application: `/v1/x` and `/v1/api/x` are `/api/x`, HEAD is GET, every answer carries X-Request-ID."""
    tell_of = access_log()

    async def through(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0
        inner = _inner(scope)
        request_id: str = inner["state"]["request_id"]
        # Each request is a task with a context of its own.
        bind_contextvars(request_id=request_id)
        tag = (b"x-request-id", request_id.encode())

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], tag]
            await send(message)

        try:
            await app(inner, receive, tell)
        finally:
            tell_of(scope["method"], scope["path"], status, begun, request_id)

    return through


def _inner(scope: Any) -> Any:
    """Return the request as the routes know it. The server leaves a HEAD's body out by itself."""
    headers = _joined(scope["headers"])
    asked: str = scope["path"]
    prefix = "/api"
    inner = dict(scope)
    if asked.startswith("/v1/"):
        prefix = next(one for one in _PREFIXES if asked.startswith(one + "/"))
        inner["path"] = "/api" + asked.removeprefix(prefix)
        inner["raw_path"] = inner["path"].encode()
    if scope["method"] == "HEAD":
        inner["method"] = "GET"
    request_id = new_request_id(headers.get("x-request-id", ""))
    inner["state"] = {**scope.get("state", {}), "request_id": request_id, "prefix": prefix, "headers": headers}
    return inner


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; those that come more than once are one list, as RFC 9110 has it."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.decode("latin-1")
        text = value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found
