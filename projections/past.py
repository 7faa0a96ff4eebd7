"""Records as they were: folded from their own events that were recorded before a moment. One indexed read each.

Every `before` is exclusive: just past the time that is asked for.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from msgspec.structs import replace
from psycopg import AsyncConnection

from domain.events import stream_id
from domain.platform.users import USERS, User
from domain.quality.capa import CAPAS
from domain.quality.deviation import DEVIATIONS
from domain.workflow import Record, Workflow
from ledger.codec import Codec
from ledger.queries import queries
from ledger.rows import microseconds
from projections.links import CapaRef, SourceRef, capa_ref, source_ref
from projections.streams import histories

R = TypeVar("R", bound=Record)

_SQL = queries("projections", "past")


async def one(
    connection: AsyncConnection[Any], codec: Codec, flow: Workflow[R], number: int, before: datetime
) -> R | None:
    """Return a record as it was; None where there was none yet."""
    stream = stream_id(flow.kind, number)
    return flow.fold((await histories(connection, codec, [stream], before))[stream])


async def people(
    connection: AsyncConnection[Any], codec: Codec, now: Mapping[int, User], before: datetime
) -> dict[int, User]:
    """Return users under the names that they had; who was erased since stays erased."""
    streams = {stream_id(USERS.kind, number): number for number in now}
    if not streams:
        return {}
    found = await histories(connection, codec, list(streams), before)
    then = {number: USERS.fold(found[stream]) for stream, number in streams.items()}
    return {number: _named(user, then[number]) for number, user in now.items()}


async def capas_of(
    connection: AsyncConnection[Any], codec: Codec, deviation: int, before: datetime
) -> tuple[CapaRef, ...]:
    """Return the CAPAs that followed from a deviation, as they were, oldest first, without those cancelled by then."""
    asked = {"deviation": deviation, "moment": microseconds(before)}
    cursor = await connection.execute(_SQL.capas_of, asked, prepare=True, binary=True)
    streams = [stream for (stream,) in await cursor.fetchall()]
    if not streams:
        return ()
    found = await histories(connection, codec, streams, before)
    capas = (CAPAS.fold(found[stream]) for stream in streams)
    return tuple(capa_ref(it) for it in capas if it is not None)


async def unknown_until(connection: AsyncConnection[Any], before: datetime) -> int:
    """Return the position that the read model of what was has to pass before it knows all that was before a moment.

    0 where it has passed it.
    """
    row = await (await connection.execute(_SQL.unknown, (before,), prepare=True, binary=True)).fetchone()
    return int(row[0]) if row else 0


async def source_of(
    connection: AsyncConnection[Any], codec: Codec, deviation: int, before: datetime
) -> SourceRef | None:
    """Return a deviation as a CAPA that followed from it showed it."""
    it = await one(connection, codec, DEVIATIONS, deviation, before)
    return None if it is None else source_ref(it)


def _named(now: User, then: User | None) -> User:
    if then is None or then.name.value is None or now.name.value is None:
        return now
    return replace(now, name=then.name)
