"""Routes as data: what a door takes and gives. Handlers and the OpenAPI document are both made from them."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPMethod
from typing import Any, Protocol

import structlog
from litestar import HttpMethod, Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Struct

from api import access_facts
from api.call import Call
from api.doors import VIEWS, Doors
from api.errors import HttpRefusal, denials, refusal, status_of
from api.idempotency import Key, UnderWay, answered_before, key_of
from api.reply import Reply, answer
from domain.errors import (
    Conflict,
    FlowledgerError,
    NotFound,
    PreconditionFailed,
    RateLimited,
)
from ledger.append import CHANNEL

log = structlog.get_logger(__name__)

Handler = Callable[[Call], Awaitable[Reply]]

_NUMBER = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_BESIDE = {401: (("WWW-Authenticate", 'Bearer realm="flowledger"'),), 503: (("Retry-After", "1"),)}


class ErrorForm(Protocol):
    """How a dialect says that something went wrong; None: a fault of ours, of which nothing is told."""

    def __call__(self, error: FlowledgerError | None, request_id: str) -> bytes: ...  # noqa: D102


@dataclass(frozen=True)
class Route:
    """One method on one path.

    body, query: the structs that the request is read as; answers: the struct of each good status (None: no body; bytes:
    a file).
    refusals: the statuses of its errors, for the document. public: it asks for nobody, and keeps no answers.
    told_once: its answer is a secret, which is kept under no key.
    streams: its handler reads the body itself, as it comes, and minds the Idempotency-Key.
    follows: the consumer of the ledger that answers, where it is not the tag's read model.
    media: the media types in which a good answer is to be had, beside JSON.
    finish: what completes the answer to a write once that is committed, also one that is given again; never fails.
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
    told_once: bool = False
    streams: bool = False
    finish: Callable[[Call, Reply], Awaitable[Reply]] | None = None
    follows: str = ""
    media: Sequence[str] = field(default=())

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Which parts of the path are whole numbers."""
        return tuple(place for place, part in enumerate(self.path.split("/")) if part.endswith(":int}"))

    @property
    def keyed(self) -> bool:
        """Whether it minds an Idempotency-Key: what signs in or tells a secret does not, and what reads has no need."""
        return self.method != HTTPMethod.GET and not self.public and not self.told_once

    @property
    def view(self) -> str:
        """The read model that answers, or shows what was done."""
        return self.follows or (self.tag if self.tag in VIEWS else VIEWS[0])


def handlers(routes: Sequence[Route], doors: Doors, errors: ErrorForm) -> list[HTTPRouteHandler]:
    """Return routes as Litestar handlers."""
    return [_handler(route, doors, errors) for route in routes]


def with_options(given: Sequence[HTTPRouteHandler], doors: Doors) -> list[HTTPRouteHandler]:
    """Return handlers, and for each path one more that tells which methods it takes."""
    methods: dict[str, set[str]] = {}
    for handler in given:
        for path in handler.paths:
            methods.setdefault(path, set()).update(handler.http_methods)
    # Ours come first: to a path without one Litestar adds its own, which knows the path's first handler only.
    return [*(_options(path, allow(taken), doors) for path, taken in methods.items()), *given]


def allow(methods: Iterable[str]) -> str:
    """Return what the header Allow says of a path that takes these methods."""
    taken = {*methods, "OPTIONS"}
    return ", ".join(sorted(taken | {"HEAD"} if "GET" in taken else taken))


def _options(path: str, allowed: str, doors: Doors) -> HTTPRouteHandler:
    async def handle() -> ASGIApp:
        reply = Reply(status=204, headers=(("Allow", allowed),))
        return answer(reply, doors.read_position(VIEWS[0]), reading=False)

    return HTTPRouteHandler(path, http_method=HttpMethod.OPTIONS, status_code=200, include_in_schema=False)(handle)


def _handler(route: Route, doors: Doors, errors: ErrorForm) -> HTTPRouteHandler:
    reading = route.method == HTTPMethod.GET

    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        call = Call(doors, request, route.view)
        try:
            if not doors.standing.loaded:
                await doors.learn()
            reply = await (_read(route, call) if reading else _written(route, call))
        except Exception as error:  # noqa: BLE001 - the one place where errors become answers
            for denial in denials(error):
                await access_facts.denied(call, route.method, route.path, denial)
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
    _check_numbers(route, call)
    await call.follow(call.view)
    if least := call.least_position:  # Who asks, too, is answered as of then.
        await call.doors.known(max(least, call.doors.bell.told(CHANNEL)))
        await call.identify(anew=True)
    return await route.handler(call)


async def _written(route: Route, call: Call) -> Reply:
    if not route.public:
        await call.identify()
    _check_numbers(route, call)
    if route.streams:
        return await route.handler(call)
    await call.take_body()
    if not route.public:  # A body may take its time: who sent it may have lost his rights meanwhile.
        await call.identify(anew=True)
    key = key_of(call) if route.keyed else None
    reply = await (route.handler(call) if key is None else _once(route, call, key))
    return reply if route.finish is None else await route.finish(call, reply)


def _check_numbers(route: Route, call: Call) -> None:
    """Raise NotFound for a number that is not written as ours are: a record has one address."""
    if not route.numbers:
        return
    parts = call.request.scope["path"].split("/")
    if not all(_NUMBER.fullmatch(parts[place]) for place in route.numbers):
        raise NotFound("There is no such record.")


async def _once(route: Route, call: Call, key: Key) -> Reply:
    """Answer under a key what was answered under it before; where it was not, this is the first time."""
    with UnderWay(call, key):
        answered = await answered_before(call, key)
        if answered is not None:
            return answered
        call.key = key
        try:
            return await route.handler(call)
        except (Conflict, PreconditionFailed):
            # Another process may have been faster with this very request.
            answered = await answered_before(call, key)
            if answered is None:
                raise
            return answered


def refused(error: Exception, form: ErrorForm, request_id: str) -> Reply:
    """Return the reply to an error, in a dialect's form; what is a fault of ours is logged whole and told empty."""
    known = refusal(error)
    if known is None:
        log.error("request_failed", exc_info=error)
        return Reply(status=500, body=form(None, request_id))
    status = status_of(known)
    beside = (("Retry-After", str(known.seconds)),) if isinstance(known, RateLimited) else _BESIDE.get(status, ())
    own = known.headers if isinstance(known, HttpRefusal) else ()
    return Reply(status=status, body=form(known, request_id), headers=(*beside, *own))
