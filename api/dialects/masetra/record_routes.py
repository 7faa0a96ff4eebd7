"""The doors that every kind of record with a workflow has."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPMethod
from typing import Any

from msgspec import Struct

from api import records
from api.call import Call
from api.dialects.masetra import shapes
from api.dialects.masetra.forms import Page
from api.dialects.masetra.proof_shapes import ProofBundle
from api.records import Resource
from api.records.copies import HTML, CopyQuery
from api.records.shapes import AsOf, TransitionsOut
from api.reply import Reply
from api.routes import Handler, Route
from audit.copy_shapes import Copy

Finish = Callable[[Call, Reply], Awaitable[Reply]]
GET, POST, PUT, PATCH, DELETE = (HTTPMethod[name] for name in ("GET", "POST", "PUT", "PATCH", "DELETE"))

READ = (400, 401, 403, 404, 503)
MAKE = (400, 401, 403, 409, 413, 415, 422, 503)
CHANGE = (400, 401, 403, 404, 409, 412, 413, 415, 503)
FIRE = (*CHANGE, 422)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of record: its folder, its read model, what it is called, its list and its beginning, and their shapes."""

    path: str
    tag: str
    name: str
    resource: Resource[Any]
    listed: Handler
    begun: Handler
    query: type[Struct]
    page: type[Struct]
    body: type[Struct]
    detail: type[Struct]
    #: What a change answers, and what completes that answer once it is committed.
    changed: type[Struct]
    finish: Finish | None = None

    @property
    def one(self) -> str:
        """The path of one record."""
        return f"{self.path}/{{id:int}}"


def record_routes(kind: Kind) -> list[Route]:
    """Return the doors of a kind of record."""
    it, tag, one = kind.resource, kind.tag, kind.one
    changed = {200: kind.changed}
    edit = partial(records.change, it)
    return [
        Route(GET, kind.path, kind.listed, f"List {tag}, newest first", tag, {200: kind.page}, query=kind.query,
              refusals=READ),
        Route(POST, kind.path, kind.begun, f"Record a new {kind.name}", tag, {201: kind.detail}, body=kind.body,
              refusals=MAKE),
        Route(GET, one, partial(records.get, it), f"One {kind.name}", tag, {200: kind.detail, 304: None},
              query=AsOf, refusals=READ),
        Route(PUT, one, edit, "Change fields, or the status", tag, changed, body=it.change, refusals=CHANGE,
              finish=kind.finish),
        Route(PATCH, one, edit, "Change fields, or the status", tag, changed, body=it.change, refusals=CHANGE,
              finish=kind.finish),
        Route(DELETE, one, partial(records.remove, it), f"Cancel a {kind.name}; nothing is erased", tag, {204: None},
              body=shapes.RemovalIn, body_required=False, query=shapes.RemovalQuery, refusals=CHANGE),
        Route(POST, f"{one}/transition", partial(records.fire, it), "Fire a transition", tag, changed,
              body=it.transition, refusals=FIRE, finish=kind.finish),
        Route(GET, f"{one}/transitions", partial(records.offers, it), "What may be fired now, and why not the rest",
              tag, {200: TransitionsOut}, refusals=READ),
        Route(GET, f"{one}/history", partial(records.history, it), "Every event, with what it changed", tag,
              {200: shapes.HistoryPage}, query=Page, refusals=READ),
        Route(GET, f"{one}/proof", partial(records.proof, it), "Its events, provable offline", tag,
              {200: ProofBundle}, refusals=(*READ, 409)),
        Route(GET, f"{one}/copy", partial(records.copy, it), "All that was recorded of it, with its proof", tag,
              {200: Copy}, query=CopyQuery, refusals=(*READ, 409), media=(HTML,)),
    ]  # fmt: skip
