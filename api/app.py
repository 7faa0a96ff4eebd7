"""The HTTP application: the dialects' routes behind one gate."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.exceptions import MethodNotAllowedException
from litestar.types import ASGIApp
from msgspec.structs import replace

from api import documents, health
from api.dialects import masetra
from api.doors import Doors
from api.gate import gate
from api.limits_gate import Turnstile
from api.routes import allow, handlers, refused, with_options

_BODY_BYTES = 1024 * 1024


def make_app(doors: Doors) -> ASGIApp:
    """Return the ASGI application; its lifespan opens and closes the doors."""
    turnstile = Turnstile(doors)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None, None]:
        await doors.start()
        turnstile.start()
        try:
            yield
        finally:
            await turnstile.stop()
            await doors.stop()

    def failed(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        reply = refused(error, masetra.error_form, request.scope["state"]["request_id"])
        if isinstance(error, MethodNotAllowedException) and error.headers:
            allowed = allow(name.strip() for name in error.headers["allow"].split(","))
            reply = replace(reply, headers=(("Allow", allowed),))
        headers = {**dict(reply.headers), "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(reply.body, status_code=reply.status, headers=headers, media_type="application/json")

    all_handlers = [
        *handlers(masetra.ROUTES, doors, masetra.error_form),
        *health.routes(doors),
        *documents.routes(masetra.ROUTES),
    ]
    app = Litestar(
        route_handlers=with_options(all_handlers, doors),
        lifespan=[lifespan],
        exception_handlers={Exception: failed},
        request_max_body_size=_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )
    return gate(app, doors, masetra.error_form, turnstile)
