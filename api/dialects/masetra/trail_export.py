"""The trail as a file: CSV or a JSON object a line, made part by part while it is sent: memory does not grow."""

import csv
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from io import StringIO
from typing import Any, Final, NamedTuple

import msgspec

from api.access_facts import exported
from api.call import Call
from api.dialects.masetra.report_csv import harmless
from api.dialects.masetra.trail_entries import affordable, entries
from api.dialects.masetra.trail_shapes import Form, TrailEntry
from api.reply import JSON, Reply, Streamed, nothing
from domain.errors import Unavailable
from ledger.read import head_size
from projections.trail import TrailReadModel
from projections.trail_queries import NEWEST, Place, TrailFilter, find

_PART: Final = 200
_COLUMNS: Final = (
    "position", "version", "event", "at", "actor.id", "actor.username", "actor.display_name", "source.address",
    "source.token_id", "from", "to", "comment", "reason", "changes", "signature.by", "signature.name", "signature.at",
    "signature.meaning", "signature.hash", "signature.valid", "record.kind", "record.id", "record.number", "risk",
    "review.status", "review.by.id", "review.at",
)  # fmt: skip


class _Kind(NamedTuple):
    """A kind of file: its media type, how it begins, and its lines for some events."""

    media_type: str
    head: Callable[[], bytes]
    lines: Callable[[Iterable[TrailEntry]], bytes]


async def exported_as(call: Call, form: Form, record: str, wanted: TrailFilter) -> Reply:
    """Answer all that a filter leaves, newest first, as a file; that it is taken out is recorded before it is sent.

    record: the one that it is narrowed to, by its id or number; nothing else that a client wrote is kept.
    It is the whole trail up to the ledger's end when it was asked for; its own fact comes after that. Raises
    Unavailable where the read model does not come that far in time.
    """
    kind = _KINDS[form]
    async with call.doors.pool.connection() as connection:
        end = await head_size(connection)
    if not await call.doors.passed(TrailReadModel.name, end):
        raise Unavailable(f"The trail has not come to position {end} yet; ask again in a moment.")
    if not call.head:
        await exported(call, "trail", form, record)
    name = f'attachment; filename="audit-trail-{end}.{form}"'
    return Streamed(
        length=None,
        chunks=nothing if call.head else partial(_chunks, call, kind, wanted, end),
        place=nullcontext if call.head else partial(call.doors.uploads.downloads.place, call.signed_in.id),
        seconds=call.doors.settings.request_seconds,
        headers=(("Content-Type", kind.media_type), ("Content-Disposition", name)),
    )


async def _chunks(call: Call, kind: _Kind, wanted: TrailFilter, end: int) -> AsyncGenerator[bytes, None]:
    yield kind.head()
    place: Place | None = Place(0, end + 1)
    while place is not None:
        async with call.doors.pool.connection() as connection:
            found = await find(connection, NEWEST, wanted, place, _PART)
            part = affordable(found)
            shown = await entries(call, connection, part)
        place = Place(0, part[-1].position) if part and (len(found) == _PART or len(part) < len(found)) else None
        if shown:
            yield kind.lines(shown)


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(map(harmless, row) for row in rows)
    return text.getvalue().encode()


def _cells(it: TrailEntry) -> list[Any]:
    shown = msgspec.to_builtins(it)
    return [_cell(shown, name) for name in _COLUMNS]


def _cell(shown: dict[str, Any], name: str) -> Any:
    value: Any = shown
    for part in name.split("."):
        value = None if value is None else value[part]
    return msgspec.json.encode(value).decode() if isinstance(value, list) else value


_KINDS: Final = {
    "csv": _Kind("text/csv; charset=utf-8", lambda: _csv([_COLUMNS]), lambda its: _csv(map(_cells, its))),
    "ndjson": _Kind("application/x-ndjson", lambda: b"", msgspec.json.Encoder().encode_lines),
}
MEDIA: Final = tuple(kind.media_type.partition(";")[0] for kind in _KINDS.values())
#: What an Accept may ask for, by media range.
FORMS: Final[Mapping[str, Form]] = {
    **dict.fromkeys((JSON, "application/*", "*/*"), "json"),
    **dict.fromkeys(("text/csv", "text/*"), "csv"),
    "application/x-ndjson": "ndjson",
}
