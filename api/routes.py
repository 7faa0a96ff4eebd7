"""Routes as data: what a door takes and gives. Handlers and the OpenAPI document are both made from them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPMethod
from typing import Any, Protocol

import structlog
from litestar import HttpMethod, Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Struct

from api.actions import visible
from api.call import Call
from api.doors import VIEWS, Doors
from api.errors import refusal, status_of
from api.idempotency import Key, UnderWay, key_of
from api.reply import Reply, answer
from domain.errors import Conflict, FlowledgerError, PreconditionFailed, Unavailable

log = structlog.get_logger(__name__)

Handler = Callable[[Call], Awaitable[Reply]]

_BESIDE = {401: (("WWW-Authenticate", 'Bearer realm="flowledger"'),), 503: (("Retry-After", "1"),)}


class ErrorForm(Protocol):
    """How a dialect says that something went wrong; None: a fault of ours, of which nothing is told."""

    def __call__(self, error: FlowledgerError | None, request_id: str) -> bytes: ...  # noqa: D102


@dataclass(frozen=True)
class Route:
    """One method on one path.

    body, query: the structs that the request is read as; answers: the struct of each good status (None: no body).
    refusals: the statuses of its errors, for the document. public: it asks for nobody, and keeps no answers.
    """

    method: HTTPMethod
    path: str
    handler: Handler
    summary: str
    tag: str
    answers: dict[int, Any]
    body: type[Struct] | None = None
    body_required: bool = True
    query: type[Struct] | None = None
    refusals: Sequence[int] = field(default=())
    public: bool = False

    @property
    def view(self) -> str:
        """The read model that answers, or shows what was done."""
        return self.tag if self.tag in VIEWS else VIEWS[0]


def handlers(routes: Sequence[Route], doors: Doors, errors: ErrorForm) -> list[HTTPRouteHandler]:
    """Return routes as Litestar handlers."""
    return [_handler(route, doors, errors) for route in routes]


def _handler(route: Route, doors: Doors, errors: ErrorForm) -> HTTPRouteHandler:
    reading = route.method == HTTPMethod.GET

    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        call = Call(doors, request, route.view)
        try:
            reply = await (_read(route, call) if reading else _written(route, call))
        except Exception as error:  # noqa: BLE001 - the one place where errors become answers
            reply = refused(error, errors, call.request_id)
        return answer(reply, call.seen, reading=reading, if_none_match=call.headers.get("if-none-match", ""))

    handle.__name__ = f"{route.method.lower()}_{route.tag}"
    registered = HTTPRouteHandler(
        route.path, http_method=HttpMethod(route.method), status_code=200, include_in_schema=False
    )
    return registered(handle)


async def _read(route: Route, call: Call) -> Reply:
    """Answer what changes nothing, once the read model is as far as the client asks for."""
    await call.identify()
    least = call.least_position
    if least > call.seen:
        if not await call.doors.passed(call.view, least):
            raise Unavailable(f"The read models have not come to position {least} yet; ask again in a moment.")
        call.seen = call.doors.read_position(call.view)
    return await route.handler(call)


async def _written(route: Route, call: Call) -> Reply:
    if not route.public:
        await call.identify()
    await call.take_body()
    key = key_of(call) if route.method == HTTPMethod.POST and not route.public else None
    return await (route.handler(call) if key is None else _once(route, call, key))


async def _once(route: Route, call: Call, key: Key) -> Reply:
    """Answer under a key what was answered under it before; where it was not, this is the first time."""
    with UnderWay(call, key):
        answered = await _answered(call, key)
        if answered is not None:
            return answered
        call.key = key
        try:
            return await route.handler(call)
        except (Conflict, PreconditionFailed):
            # Another process may have been faster with this very request.
            answered = await _answered(call, key)
            if answered is None:
                raise
            return answered


async def _answered(call: Call, key: Key) -> Reply | None:
    async with call.doors.pool.connection() as connection:
        answered = await key.answered(connection)
    return answered and await visible(call, answered)


def refused(error: Exception, form: ErrorForm, request_id: str) -> Reply:
    """Return the reply to an error, in a dialect's form; what is a fault of ours is logged whole and told empty."""
    known = refusal(error)
    if known is None:
        log.error("request_failed", exc_info=error)
        return Reply(status=500, body=form(None, request_id))
    status = status_of(known)
    return Reply(status=status, body=form(known, request_id), headers=_BESIDE.get(status, ()))
