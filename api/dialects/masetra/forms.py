"""Masetra's error form and its pages."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from api.call import Call, fault
from api.errors import ItemRefused, Several
from api.input import query_pairs
from api.records.shapes import Moment
from api.reply import Reply
from domain.errors import Conflict, FlowledgerError, InvalidInput, NotFound

MOST = 200
_USUAL = 20


class Detail(Struct, frozen=True):
    """One fault: the field, or "" for the whole, and a sentence."""

    field: str
    message: str


class ItemDetail(Detail, frozen=True):
    """A fault of one of several things that were asked for at once."""

    index: int
    id: int
    code: str


class ErrorBody(Struct, frozen=True):
    """What went wrong."""

    code: str
    message: str
    details: Sequence[Detail]


class ErrorOut(Struct, frozen=True):
    """The form of every error."""

    status: str
    error: ErrorBody


class Sized(Struct, frozen=True, kw_only=True):
    """How much is wanted at once."""

    limit: Annotated[int, Meta(ge=1, le=MOST)] | None = None
    page_size: Annotated[int, Meta(ge=1, le=MOST)] | None = None

    @property
    def size(self) -> int:
        """How many a page holds. Raises InvalidInput where both names are used and differ."""
        if self.limit is not None and self.page_size is not None and self.limit != self.page_size:
            raise fault("page_size", "limit and page_size say different things.")
        return self.limit or self.page_size or _USUAL


class Page(Sized, frozen=True, kw_only=True):
    """The query of a list that has nothing to filter by."""

    page: Annotated[int, Meta(ge=1, le=10**9)] = 1

    @property
    def offset(self) -> int:
        """How many records come before the page."""
        return (self.page - 1) * self.size


class PageAsOf(Page, frozen=True, kw_only=True):
    """The query of a list that has a past; see `AsOf`."""

    as_of: Moment | None = None


def error_form(error: FlowledgerError | None, request_id: str) -> bytes:
    """Return an error in Masetra's form; None is a fault of ours, of which only the request's id is told."""
    if error is None:
        says = f"Something went wrong on our side; we know it as {request_id}."
        return msgspec.json.encode(ErrorOut("error", ErrorBody("INTERNAL_ERROR", says, [])))
    details: list[Detail] = []
    if isinstance(error, InvalidInput):
        details = [Detail(one.field, one.message) for one in error.faults]
    elif isinstance(error, Conflict):
        details = [Detail("", reason) for reason in error.reasons]
    elif isinstance(error, Several):
        details = [_item(it) for it in error.refused]
    return msgspec.json.encode(ErrorOut("error", ErrorBody(error.code, str(error), details)))


def _item(refused: ItemRefused) -> ItemDetail:
    place, number, error = refused
    faults = error.faults if isinstance(error, InvalidInput) else ()
    says = " ".join(f"{fault.field}: {fault.message}" for fault in faults) or str(error)
    return ItemDetail(f"items.{place}", says, place, number, error.code)


def page_reply(call: Call, page: Page, count: int, results: bytes) -> Reply:
    """Return a page of ready JSON, joined with commas. Raises NotFound past the end."""
    if page.page > 1 and page.offset >= count:
        raise NotFound(f"There is no page {page.page}.")
    following = link(call, "page", page.page + 1) if page.offset + page.size < count else None
    before = link(call, "page", page.page - 1) if page.page > 1 else None
    head = msgspec.json.encode({"count": count, "next": following, "previous": before})
    return Reply(body=head[:-1] + b',"results":[' + results + b"]}")


def link(call: Call, name: str, value: object) -> str:
    """Return the address of what was asked for, with another value of one parameter."""
    scope = call.request.scope
    path = call.prefix + scope["path"].removeprefix("/api").rstrip("/") + "/"
    others = [pair for pair in query_pairs(scope["query_string"]) if pair[0] != name]
    return f"{call.base_url}{path}?{urlencode([*others, (name, value)])}"
