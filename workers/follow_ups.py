"""The follow-ups: a deviation that is closed with a CAPA in mind opens that CAPA, once."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection

from domain.errors import Unavailable
from domain.events import Recorded, stream_id
from domain.quality.capa import CAPAS
from domain.quality.capa_facts import INITIATED, CapaCreated
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Closed, WantedCapa
from ledger.append import Allotment, Append, Plan, Proposed
from ledger.codec import Codec
from ledger.writer import Writer
from projections.follow_ups import CONSUMER, follow_up_id, keep, made_by
from projections.streams import histories

#: Seconds before the append is tried again.
_PAUSES = (0.05, 0.2, 1.0)


class FollowUps:
    """Consumes facts, and appends what they bring about. Doing it twice is a no-op: the second append is refused."""

    name = CONSUMER
    kinds = frozenset({DEVIATIONS.kind})

    def __init__(self, codec: Codec, writer: Writer) -> None:
        """Append through a writer."""
        self._codec = codec
        self._writer = writer

    async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
        """Open the CAPA of each deviation that was closed with one in mind."""
        for recorded in events:
            if isinstance(recorded.event, Closed) and recorded.event.open_capa is not None:
                await self._open(connection, recorded, recorded.event.open_capa)

    async def committed(self) -> None:
        """Nothing is done outside the ledger."""

    async def _open(self, connection: AsyncConnection[Any], recorded: Recorded, wanted: WantedCapa) -> None:
        follow_up = follow_up_id(recorded.stream, recorded.version, CAPAS.kind)
        if await made_by(connection, follow_up) is not None:
            return
        event = await self._capa(connection, recorded, wanted)

        def plan(allotment: Allotment) -> Plan:
            allotted = {name: allotment.allot(pattern) for name, pattern in event.numbered.items()}
            fact = msgspec.structs.replace(event, **allotted)
            capa = fact.id
            proposed = Proposed(stream_id(CAPAS.kind, capa), 1, fact.topic, self._codec.encode(fact))
            return Plan([proposed], [keep(follow_up, capa)])

        try:
            await self._appended(Append(plan))
        except psycopg.errors.UniqueViolation as made:
            if made.diag.table_name != "follow_ups":
                raise

    async def _capa(self, connection: AsyncConnection[Any], recorded: Recorded, wanted: WantedCapa) -> CapaCreated:
        """Return the fact, as it was found good when closing: no rule is asked again, which may be another by now."""
        begun = (await histories(connection, self._codec, [recorded.stream]))[recorded.stream][0].event
        closed = recorded.event
        return CapaCreated(
            **msgspec.structs.asdict(wanted),
            source_type="DEVIATION",
            source_id=begun.id,  # type: ignore[attr-defined]  # a stream begins with its creation
            actor=closed.actor,
            source=closed.source,
            request=closed.request,
            correlation=closed.correlation,
            causation=f"{recorded.stream}/{recorded.version}",
            to_state=INITIATED,
        )

    async def _appended(self, append: Append) -> None:
        """Append, again where the ledger is away for a moment: that is no fault of the event's."""
        for pause in _PAUSES:
            try:
                await self._writer.append(append)
            except Unavailable:
                await asyncio.sleep(pause)
                append = Append(append.plan)
            else:
                return
        await self._writer.append(append)
