"""Downloading the files that belong to a record: in pieces, by ranges, never shown or run by a browser."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from functools import partial
from urllib.parse import quote

import structlog

from api.access_facts import exported
from api.call import Call, NoQuery
from api.errors import HttpRefusal
from api.ranges import NotSatisfiable, Span, span_of
from api.records.attachments import H, shown_file
from api.records.resource import Resource
from api.reply import Reply, Streamed, holds, nothing
from domain.quality.attachments import Attachment
from ledger.store import FileMissing, Files

log = structlog.get_logger(__name__)

#: Whatever is in the file, a browser that opens it all the same runs and loads nothing.
_POLICY = "sandbox; default-src 'none'"
#: RFC 5987's attr-char, beside letters, digits and `_.-~`.
_PLAIN = "!#$&+^`|"


async def download(resource: Resource[H], call: Call) -> Reply:
    """Answer the content of a file, or the part that Range asks for.

    Raises FileMissing, a fault of ours, where the store has not as much of it as was recorded.
    """
    file = await shown_file(resource, call)
    call.query(NoQuery)
    files, places = call.doors.uploads.files, call.doors.uploads.downloads
    size = await files.size(file.key)
    if size != file.size:
        raise FileMissing(f"{file.key} has {size} bytes; {file.size} were recorded.")
    tag = f'"{file.sha256}"'
    span = _span(call, tag, size)
    start, stop = part = span or Span(0, size)
    if not call.head and not holds(call.headers.get("if-none-match", ""), tag):
        await _recorded(resource, call, file, part)
    return Streamed(
        status=206 if span else 200,
        etag=tag,
        length=stop - start,
        chunks=nothing if call.head else partial(_read, files, file.key, start, stop),
        place=nullcontext if call.head else partial(places.place, call.signed_in.id),
        seconds=call.doors.settings.request_seconds,
        headers=(
            ("Content-Type", file.media_type),
            ("Content-Disposition", disposition(file.name)),
            ("Content-Security-Policy", _POLICY),
            ("Accept-Ranges", "bytes"),
            *((("Content-Range", f"bytes {start}-{stop - 1}/{size}"),) if span else ()),
        ),
    )


async def _recorded(resource: Resource[H], call: Call, file: Attachment, part: Span) -> None:
    """Record that a file is taken out; a part that continues a recorded download of the same session belongs to it."""
    begun, name = call.doors.uploads.begun, (call.signed_in.id, call.session, call.token, file.key)
    if not begun.goes_on(name, part):
        await exported(call, "attachment", file.media_type, f"{resource.workflow.kind}/{call.record_id}")
        begun.note(name, part)


def disposition(name: str) -> str:
    """Return the header that has a file saved under its name, as RFC 6266 says; who knows only ASCII gets `_`s."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_PLAIN)}"


def _span(call: Call, tag: str, size: int) -> Span | None:
    """Return the part that is asked for; a HEAD asks for none, nor who has it all already, nor for another file's."""
    asked, only_of = call.headers.get("range", ""), call.headers.get("if-range", tag)
    if not asked or call.head or only_of.strip() != tag or holds(call.headers.get("if-none-match", ""), tag):
        return None
    try:
        return span_of(asked, size)
    except NotSatisfiable:
        says = f"The file has {size} bytes; none of those that are asked for is among them."
        raise HttpRefusal("RANGE_NOT_SATISFIABLE", says, (("Content-Range", f"bytes */{size}"),)) from None


async def _read(files: Files, key: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(files.read(key, start, stop)) as blocks:
            async for block in blocks:
                yield block
    except Exception as error:
        log.error("download_broken_off", key=key, error=str(error))  # noqa: TRY400 - the store failed, not the code
        raise
