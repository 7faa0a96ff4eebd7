"""The inspector's copy of a record: all that was recorded of it, in words, with its proof in it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from api.accept import liked
from api.access_facts import exported
from api.call import Call
from api.records.resource import R, Resource, looked_up
from api.reply import JSON, Reply
from audit.copy import copy_of
from audit.copy_html import content_policy, html
from audit.copy_shapes import Copy

Format = Literal["html", "json"]
HTML: Final = "text/html"


class CopyQuery(Struct, frozen=True, kw_only=True):
    """The form of a copy; without it the one that Accept likes best, JSON where it knows none."""

    format: Format | None = None


class _Form(NamedTuple):
    media_type: str
    rendered: Callable[[Copy], bytes]
    headers: Callable[[], tuple[tuple[str, str], ...]] = tuple


_FORMS: Final[dict[Format, _Form]] = {
    "json": _Form(JSON, msgspec.json.encode),
    "html": _Form(f"{HTML}; charset=utf-8", html, lambda: (("Content-Security-Policy", content_policy()),)),
}
_BY_MEDIA: Final[dict[str, Format]] = {
    **dict.fromkeys((HTML, "text/*"), "html"),
    **dict.fromkeys((JSON, "application/*", "*/*"), "json"),
}


async def copy(resource: Resource[R], call: Call) -> Reply:
    """Answer the copy of a record, a hidden one, too. Recorded as taken out."""
    kind, number = resource.workflow.kind, call.record_id
    record: R = (await looked_up(resource, call)).record
    preferred: Format = liked(call.headers.get("accept", ""), _BY_MEDIA, "json")
    wanted = call.query(CopyQuery).format or preferred
    form = _FORMS[wanted]
    bundle = await call.doors.proofs.bundle(record.stream)
    async with call.doors.pool.connection() as connection:
        made = await copy_of(connection, call.doors.codec, bundle, call.signed_in.id, datetime.now(UTC))
    body = await asyncio.to_thread(form.rendered, made)
    if not call.head:
        await exported(call, "copy", wanted, f"{kind}/{number}")
    disposition = ("Content-Disposition", f'inline; filename="{made.number}.{wanted}"')
    return Reply(body=body, media_type=form.media_type, headers=(disposition, *form.headers()))
