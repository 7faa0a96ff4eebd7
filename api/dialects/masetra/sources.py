"""What a CAPA follows from: looked up where it is a record of ours, and checked where it is named."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from api.call import Call
from domain.errors import Fault, InvalidInput
from domain.quality.capa_facts import Capa
from domain.quality.capa_rules import source_faults
from domain.quality.deviation_facts import CANCELLED
from projections import past
from projections.links import OURS, SourceRef, source_now, sources_of

Sources = Mapping[int, SourceRef]


async def sources(call: Call, connection: AsyncConnection[Any], it: Capa | None) -> Sources:
    """Return the source that a CAPA has, and the one that the body names, where who asks may see them."""
    if not call.actor.may("deviation.read"):
        return {}
    before = _ours(it.source_type, it.source_id) if it else None
    found = dict(await sources_of(connection, [before])) if before is not None else {}
    named = _named(call, it)
    if named is not None and named != before:
        source = await source_now(connection, call.doors.codec, named)
        found |= {named: source} if source else {}
    return found


async def sources_then(call: Call, connection: AsyncConnection[Any], it: Capa, before: datetime) -> Sources:
    """Return the source that a CAPA had just before a moment, as it was, where who asks may see it."""
    number = _ours(it.source_type, it.source_id)
    if number is None or not call.actor.may("deviation.read"):
        return {}
    found = await past.source_of(connection, call.doors.codec, number, before)
    return {number: found} if found else {}


def source_of(it: Capa, found: Sources) -> SourceRef | None:
    """Return the source that a CAPA shows."""
    number = _ours(it.source_type, it.source_id)
    return None if number is None else found.get(number)


def check_source(call: Call, it: Capa | None, found: Sources) -> None:
    """Raise InvalidInput for a source that a CAPA can not have: none given, none there, or none that may be seen."""
    kind, number = _wanted(call, it)
    faults = source_faults(it, {"source_type": kind, "source_id": number})
    if not faults and (it is None or (kind, number) != (it.source_type, it.source_id)):
        named = _ours(kind, number)
        source = None if named is None else found.get(named)
        if named is not None and (source is None or source.status == CANCELLED):
            faults = [Fault("source_id", f"There is no deviation {named}.")]
    if faults:
        raise InvalidInput(faults)


def _named(call: Call, it: Capa | None) -> int | None:
    return _ours(*_wanted(call, it))


def _wanted(call: Call, it: Capa | None) -> tuple[Any, Any]:
    """Return type and id of the source as they will be, as the body came: another type comes with an id of its own."""
    raw = call.body.raw
    kind = raw.get("source_type", it.source_type if it else "MANUAL")
    return kind, raw.get("source_id", it.source_id if it and kind == it.source_type else None)


def _ours(kind: object, number: object) -> int | None:
    ours = kind == OURS and isinstance(number, int) and 0 < number < 2**63
    return number if ours and isinstance(number, int) else None
