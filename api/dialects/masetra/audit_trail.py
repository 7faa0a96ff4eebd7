"""The audit trail: everything that happened, narrowed and walked through; see docs/howto/audit-trail.md."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from psycopg import AsyncConnection

from api import cursors
from api.accept import liked
from api.call import Call, NoQuery, fault
from api.dialects.masetra.forms import link
from api.dialects.masetra.trail_entries import affordable, entries
from api.dialects.masetra.trail_export import FORMS, exported_as
from api.dialects.masetra.trail_shapes import Form, Narrowed, QueueQuery, TrailEntry, TrailQuery
from api.reply import Reply
from domain.catalogue import WORKFLOWS
from domain.errors import Denied, NotFound
from domain.events import stream_id
from domain.platform.risk import RISKS
from ledger.rows import microseconds
from projections.trail_queries import NEWEST, Place, TrailFilter, Walk, find, queue
from projections.trail_words import question

_BY_ID: Final = re.compile(r"([a-z]+)/([1-9]\d{0,17})", re.ASCII)
_NUMBER: Final = re.compile(r"(?:DEV|CAPA)-\d{4}-\d{4,18}", re.ASCII)
_READS, _REVIEWS = "audit.read", "audit.review"


async def list_trail(call: Call) -> Reply:
    """Answer a part of the trail, newest first; or all of what a filter leaves, as a file."""
    check_seen(call)
    query = call.query(TrailQuery)
    wanted = filter_of(query)
    preferred: Form = liked(call.headers.get("accept", ""), FORMS, "json")
    form = query.format or preferred
    if form != "json":
        call.require(_READS)
        return await exported_as(call, form, query.record or "", wanted)
    return await _walked(call, "trail", NEWEST, query, wanted)


async def list_queue(call: Call) -> Reply:
    """Answer what is to be reviewed: the highest risk first, of each what waits longest."""
    check_seen(call)
    query = call.query(QueueQuery)
    return await _walked(call, f"queue {query.status}", queue(query.status), query, filter_of(query))


async def get_entry(call: Call) -> Reply:
    """Answer one event of the trail."""
    check_seen(call)
    position = call.path_id("position")
    async with call.doors.pool.connection() as connection:
        found = await find(connection, NEWEST, TrailFilter(position=position), None, 1)
        shown = await entries(call, connection, found)
    if not shown:
        raise NotFound(f"There is no event {position}.")
    call.query(NoQuery)
    return Reply(body=msgspec.json.encode(shown[0]))


def check_seen(call: Call) -> None:
    """Raise Denied unless who asks reads the trail, or reviews it."""
    if not call.actor.may(_REVIEWS) and not call.actor.may(_READS):
        raise Denied(f"This needs the permission {_READS} or {_REVIEWS}.", _READS)


def filter_of(query: Narrowed) -> TrailFilter:
    """Return what a query narrows the trail to. Raises InvalidInput for what can be no record."""
    record = query.record or None
    by_id = None if record is None else _BY_ID.fullmatch(record)
    if by_id and by_id[1] not in WORKFLOWS:
        raise fault("record", f"There are no records of kind {by_id[1]}. There are: {', '.join(WORKFLOWS)}.")
    if record and not by_id and not _NUMBER.fullmatch(record):
        raise fault("record", "Say which by its number, DEV-2026-0001, or by kind and id, deviation/1.")
    events = tuple(filter(None, (query.event or "").split(",")))
    return TrailFilter(
        stream=stream_id(by_id[1], int(by_id[2])) if by_id else None,
        number=None if by_id else record,
        kind=query.kind,
        user=query.user,
        events=events or None,
        risk=None if query.risk is None else RISKS.index(query.risk),
        address=query.address,
        since=None if query.since is None else microseconds(query.since),
        until=None if query.until is None else microseconds(query.until),
        text=None if query.search is None else question(query.search),
    )


async def _walked(call: Call, name: str, walk: Walk, query: Narrowed, wanted: TrailFilter) -> Reply:
    keys, asked = call.doors.vault.keys, name.encode() + b"\n" + msgspec.json.encode(wanted)
    place = None if query.cursor is None else cursors.read(keys, asked, query.cursor)
    async with call.doors.pool.connection() as connection:
        shown, more = await _part(call, connection, walk, wanted, place, query.size)
    back = place is not None and place.back
    shown = shown[::-1] if back else shown

    def leads(it: TrailEntry, *, back: bool) -> str:
        there = Place(RISKS.index(it.risk), it.position, back)
        return link(call, "cursor", cursors.written(keys, asked, there))

    following = leads(shown[-1], back=False) if shown and (more or back) else None
    before = leads(shown[0], back=True) if shown and (more if back else place is not None) else None
    head = msgspec.json.encode({"next": following, "previous": before})
    return Reply(body=head[:-1] + b',"results":' + msgspec.json.encode(shown) + b"}")


async def _part(
    call: Call,
    connection: AsyncConnection[object],
    walk: Walk,
    wanted: TrailFilter,
    place: Place | None,
    size: int,
) -> tuple[Sequence[TrailEntry], bool]:
    """Return the next events of a walk, in its order, and whether there are more behind them."""
    found = await find(connection, walk, wanted, place, size + 1)
    part = affordable(found[:size])
    return await entries(call, connection, part), len(found) > len(part)
