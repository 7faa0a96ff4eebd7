"""The HTTP application: the dialects' routes behind one gate."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.types import ASGIApp

from api import documents, health
from api.dialects import masetra
from api.doors import VIEWS, Doors
from api.gate import gate
from api.routes import handlers, refused

_BODY_BYTES = 1024 * 1024


def make_app(doors: Doors) -> ASGIApp:
    """Return the ASGI application; its lifespan opens and closes the doors."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None, None]:
        await doors.start()
        try:
            yield
        finally:
            await doors.stop()

    def failed(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        reply = refused(error, masetra.error_form, request.scope["state"]["request_id"])
        headers = {**dict(reply.headers), **dict(getattr(error, "headers", None) or {})}
        headers |= {"Cache-Control": "no-store", "X-Position": str(doors.read_position(VIEWS[0]))}
        return Response(reply.body, status_code=reply.status, headers=headers, media_type="application/json")

    app = Litestar(
        route_handlers=[
            *handlers(masetra.ROUTES, doors, masetra.error_form),
            *health.routes(doors),
            *documents.routes(masetra.ROUTES),
        ],
        lifespan=[lifespan],
        exception_handlers={Exception: failed},
        request_max_body_size=_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )
    return gate(app)
