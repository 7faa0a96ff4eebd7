"""What records show of one another: a deviation its CAPAs, a CAPA the deviation that it follows from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from domain.events import stream_id
from domain.quality.capa_facts import Capa
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation
from ledger.arrays import LongColumn
from ledger.codec import Codec
from ledger.queries import queries
from ledger.read import read_stream

_SQL = queries("projections", "links")
#: The type of the sources that are records of ours.
OURS = "DEVIATION"
#: CAPAs that a deviation shows, the oldest.
MOST_CAPAS = 200


class CapaRef(Struct, frozen=True):
    """A CAPA as shown inside its source."""

    id: int
    capa_number: str
    title: str
    status: str


class SourceRef(Struct, frozen=True):
    """The record that a CAPA follows from."""

    type: str
    id: int
    number: str
    title: str
    status: str


class _Deviation(Struct, frozen=True):
    """What a deviation's ready summary says that a link to it shows."""

    id: int
    deviation_number: str
    title: str
    status: str


_CAPA = msgspec.json.Decoder(CapaRef)
_DEVIATION = msgspec.json.Decoder(_Deviation)


async def capas_of(connection: AsyncConnection[Any], deviations: Iterable[int]) -> Mapping[int, tuple[CapaRef, ...]]:
    """Return the CAPAs that follow from deviations, oldest first, without those that are cancelled: one query."""
    cursor = await connection.execute(_SQL.capas_of, (LongColumn(list(deviations)),), prepare=True, binary=True)
    found: dict[int, list[CapaRef]] = defaultdict(list)
    for deviation, summary in await cursor.fetchall():
        found[deviation].append(_CAPA.decode(summary))
    return {deviation: tuple(capas) for deviation, capas in found.items()}


async def sources_of(connection: AsyncConnection[Any], deviations: Iterable[int]) -> Mapping[int, SourceRef]:
    """Return deviations as CAPAs that follow from them show them, cancelled ones too: one query."""
    cursor = await connection.execute(_SQL.sources_of, (LongColumn(list(deviations)),), prepare=True, binary=True)
    found = (_DEVIATION.decode(summary) for (summary,) in await cursor.fetchall())
    return {it.id: SourceRef(OURS, it.id, it.deviation_number, it.title, it.status) for it in found}


async def source_now(connection: AsyncConnection[Any], codec: Codec, deviation: int) -> SourceRef | None:
    """Return a deviation as a CAPA that follows from it shows it: from the ledger itself, never behind it."""
    rows = await read_stream(connection, stream_id(DEVIATIONS.kind, deviation))
    it = DEVIATIONS.fold(codec.recorded(rows))
    return None if it is None else source_ref(it)


def source_ref(it: Deviation) -> SourceRef:
    """Return a deviation as a CAPA that follows from it shows it."""
    return SourceRef(OURS, it.id, it.number, it.title, it.status)


def capa_ref(it: Capa) -> CapaRef:
    """Return a CAPA as its source shows it."""
    return CapaRef(it.id, it.number, it.title, it.status)
