"""What messages show of other records: folded from the ledger up to the fact that is told of, never behind or ahead.

A list of the dispatcher's own says which CAPAs ever named a source: no read model is asked, which may stand elsewhere.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
import structlog
from psycopg import AsyncConnection

from domain.events import Recorded, stream_id
from domain.quality.capa import CAPAS
from domain.quality.capa_facts import CANCELLED, Capa, CapaCreated, CapaUpdated
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation
from domain.workflow import Record, Workflow
from ledger.arrays import LongColumn, TextColumn, UuidColumn
from ledger.codec import Codec
from ledger.queries import queries
from ledger.rows import Row
from projections.links import MOST_CAPAS, OURS, CapaRef, SourceRef, capa_ref, source_ref

R = TypeVar("R", bound=Record)
Connection = AsyncConnection[Any]
Histories = Mapping[UUID, list[Recorded]]

log = structlog.get_logger(__name__)

_SQL = queries("workers", "dispatch")
_CHUNK = 2000


class _Past(Generic[R]):
    """A record as each of its events left it."""

    def __init__(self, flow: Workflow[R], events: Iterable[Recorded]) -> None:
        self._positions: list[int] = []
        self._records: list[R] = []
        record = None
        for event in events:
            record = flow.evolve(record, event)
            self._positions.append(event.position)
            self._records.append(record)

    def at(self, position: int) -> R | None:
        """Return the record at a position; None before it began."""
        place = bisect_right(self._positions, position)
        return self._records[place - 1] if place else None


async def keep_sources(connection: Connection, codec: Codec, events: Sequence[Recorded]) -> None:
    """Keep which CAPAs name which sources, whoever subscribes to what; what is known already stays.

    What is not known of the events before these, a dispatcher of an earlier version having passed them, comes first.
    """
    row = await (await connection.execute(_SQL.sources_known, prepare=True)).fetchone()
    known, begin = row[0] if row else 0, events[0].position
    while known < begin - 1:
        rows = await _missed(connection, known, begin)
        await _keep(connection, [it for row in rows for it in _readable(codec, row)])
        known = rows[-1].position if len(rows) == _CHUNK else begin - 1
    await _keep(connection, events)
    await connection.execute(_SQL.know_sources, (max(known, events[-1].position),), prepare=True)


async def _missed(connection: Connection, after: int, before: int) -> list[Row]:
    asked = after, before, TextColumn([CapaCreated.topic, CapaUpdated.topic]), _CHUNK
    cursor = await connection.execute(_SQL.sources_missed, asked, prepare=True, binary=True)
    return [Row(*row) for row in await cursor.fetchall()]


def _readable(codec: Codec, row: Row) -> list[Recorded]:
    try:
        return codec.recorded([row])
    except msgspec.DecodeError as error:  # Altered: the audit says so. It was passed before, and stops nobody now.
        log.warning("source_not_readable", position=row.position, error=str(error))
        return []


async def _keep(connection: Connection, events: Iterable[Recorded]) -> None:
    named = [
        (source, it.stream)
        for it in events
        if isinstance(it.event, CapaCreated | CapaUpdated) and isinstance(source := it.event.source_id, int)
    ]
    if named:
        pairs = LongColumn([source for source, _ in named]), UuidColumn([stream for _, stream in named])
        await connection.execute(_SQL.sourced, pairs, prepare=True)


async def read_until(connection: Connection, codec: Codec, streams: Collection[UUID], until: int) -> Histories:
    """Return the events of each stream up to a position, oldest first, by one query."""
    found = defaultdict[UUID, list[Recorded]](list)
    if streams:
        asked = UuidColumn(list(streams)), until
        cursor = await connection.execute(_SQL.streams, asked, prepare=True, binary=True)
        for event in codec.recorded(Row(*row) for row in await cursor.fetchall()):
            found[event.stream].append(event)
    return found


async def beside(
    connection: Connection, codec: Codec, records: Mapping[int, Deviation | Capa], until: int
) -> Mapping[int, tuple[CapaRef, ...] | SourceRef | None]:
    """Return what messages show beside records, each by the position of the fact that left it: two queries in all.

    Of a deviation the CAPAs that follow from it, of a CAPA the deviation that it follows from.
    """
    capas = await _ever_from(connection, {it.id for it in records.values() if isinstance(it, Deviation)})
    sources = {number for it in records.values() if (number := _source(it)) is not None}
    streams = {*(stream for its in capas.values() for stream in its), *map(_deviation, sources)}
    events = await read_until(connection, codec, streams, until)
    followed = {
        number: [_Past(CAPAS, events[stream]) for stream in its if stream in events] for number, its in capas.items()
    }
    deviations = {number: _Past(DEVIATIONS, events[_deviation(number)]) for number in sources}
    return {
        position: _capas(followed.get(it.id, ()), it.id, position)
        if isinstance(it, Deviation)
        else _shown(deviations, _source(it), position)
        for position, it in records.items()
    }


async def _ever_from(connection: Connection, sources: Collection[int]) -> Mapping[int, list[UUID]]:
    found = defaultdict[int, list[UUID]](list)
    if sources:
        cursor = await connection.execute(_SQL.capas_of, (LongColumn(list(sources)),), prepare=True, binary=True)
        for source, stream in await cursor.fetchall():
            found[source].append(stream)
    return found


def _capas(pasts: Sequence[_Past[Capa]], deviation: int, position: int) -> tuple[CapaRef, ...]:
    then = (past.at(position) for past in pasts)
    linked = [it for it in then if it is not None and _source(it) == deviation and it.status != CANCELLED]
    return tuple(capa_ref(it) for it in sorted(linked, key=lambda it: it.id)[:MOST_CAPAS])


def _shown(deviations: Mapping[int, _Past[Deviation]], number: int | None, position: int) -> SourceRef | None:
    it = None if number is None else deviations[number].at(position)
    return None if it is None else source_ref(it)


def _source(it: Deviation | Capa) -> int | None:
    """Return the deviation that a CAPA follows from."""
    return it.source_id if isinstance(it, Capa) and it.source_type == OURS else None


def _deviation(number: int) -> UUID:
    return stream_id(DEVIATIONS.kind, number)
