"""Events of the trail as they are shown: each with what it changed, and how its review stands."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID

from psycopg import AsyncConnection

from api.call import Call
from api.dialects.masetra.trail_shapes import RecordRef, ReviewState, Standing, TrailEntry
from api.records.trail import actor_out, entry_out
from domain.catalogue import WORKFLOWS
from domain.platform.review import PENDING
from domain.platform.risk import RISKS
from domain.platform.users import USERS, User
from ledger.rows import Row
from ledger.signatures import standing
from projections.history import Entry, history
from projections.trail_queries import Found, histories_of

#: What an event changed is known by folding its record up to it: so many events are read at once for it, in all.
MOST_EVENTS: Final = 5_000
#: The last rank that is reviewed as a matter of course.
_REVIEWED: Final = RISKS.index("medium")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def affordable(found: Sequence[Found]) -> Sequence[Found]:
    """Return as many of the first events as may be folded at once, and one at least."""
    versions: dict[UUID, int] = {}
    for place, it in enumerate(found):
        versions[it.stream] = max(it.version, versions.get(it.stream, 0))
        if place and sum(versions.values()) > MOST_EVENTS:
            return found[:place]
    return found


async def entries(call: Call, connection: AsyncConnection[object], found: Sequence[Found]) -> list[TrailEntry]:
    """Return events as they are shown: one query for those that they are folded from, whatever their number."""
    versions: dict[UUID, int] = {}
    for it in found:
        versions[it.stream] = max(it.version, versions.get(it.stream, 0))
    rows = await histories_of(connection, versions, {it.stream for it in found if it.kind == USERS.kind})
    told = {entry.recorded.position: entry for its in rows.values() for entry in _told(call, its, found)}
    users = {entry.recorded.event.actor for entry in told.values()} | {it.reviewer for it in found}
    people = await call.doors.people.get(connection, [user for user in users if user is not None])
    holding = {stream: standing(call.doors.codec, its) for stream, its in rows.items()}
    return [_entry(told[it.position], people, holding[it.stream], it) for it in found if it.position in told]


def _told(call: Call, rows: list[Row], found: Sequence[Found]) -> list[Entry]:
    events = call.doors.codec.recorded(rows)
    wanted = {it.version for it in found if it.stream == events[0].stream}
    return history(WORKFLOWS[events[0].event.kind], events, wanted)


def _entry(entry: Entry, people: Mapping[int, User], holding: Mapping[int, bool], it: Found) -> TrailEntry:
    shown = entry_out(entry, people, holding)
    return TrailEntry(
        **{name: getattr(shown, name) for name in shown.__struct_fields__},
        record=RecordRef(it.kind, it.id, it.number or None),
        risk=RISKS[it.rank],
        review=_review(it, people),
    )


def _review(it: Found, people: Mapping[int, User]) -> ReviewState | None:
    if it.standing and it.reviewed_at is not None:
        at = _EPOCH + timedelta(microseconds=it.reviewed_at)
        return ReviewState(cast("Standing", it.standing), actor_out(it.reviewer, people), at)
    return ReviewState(PENDING, None, None) if it.rank <= _REVIEWED else None
