"""The dispatcher: what was recorded becomes deliveries, in the transaction that moves its position."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from domain.events import Recorded
from domain.platform.users import USERS
from domain.platform.webhooks import WEBHOOKS
from ledger.arrays import BytesColumn, LongColumn, TextColumn, UuidColumn
from ledger.codec import Codec
from ledger.queries import queries
from ledger.vault import Vault
from projections.delivery_log import DISPATCH, body_context
from projections.people import People
from workers.webhooks.endpoints import follow, hold
from workers.webhooks.linked import beside, keep_sources, read_until
from workers.webhooks.render import TOLD, body_of, message_id, name_of, people_of

_SQL = queries("workers", "dispatch")


class _Told(NamedTuple):
    """A fact that somebody is to be told of."""

    event: Recorded
    endpoints: list[int]


class _Delivery(NamedTuple):
    id: str
    endpoint: int
    stream: UUID
    record: int
    position: int
    event: str
    body: bytes


class Dispatch:
    """Consumes facts, and makes one delivery for each that an endpoint, registered before it, subscribes to."""

    name = DISPATCH
    kinds = frozenset({*TOLD, WEBHOOKS.kind, USERS.kind})

    def __init__(self, codec: Codec, wake: Callable[[int], None], *, first_wait: float = 0.0, base: str = "") -> None:
        """Wake an endpoint's drain with `wake`; `first_wait`: seconds before a first attempt.

        base: where clients reach us, which links begin with; where that is not known, a link is its path alone.
        """
        self._codec = codec
        self._people = People(codec)
        self._wake = wake
        self._first_wait = first_wait
        self._base = base
        self._changed: set[int] = set()

    async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
        """Keep the list of endpoints, and add deliveries, as one fact comes after the other.

        Folds and renders nothing that nobody subscribes to.
        """
        if any(event.event.kind == USERS.kind for event in events):
            self._people.forget()
        await keep_sources(connection, self._codec, events)
        if about := [event for event in events if event.event.kind == WEBHOOKS.kind]:
            await hold(connection, about)
        for about_webhook, run in groupby(events, lambda event: event.event.kind == WEBHOOKS.kind):
            if about_webhook:
                for event in run:
                    self._changed |= await follow(connection, event, self._first_wait)
            else:
                await self._tell(connection, [event for event in run if event.event.kind in TOLD])

    async def committed(self) -> None:
        """Wake the drain of each endpoint that has something to be done, once."""
        changed, self._changed = self._changed, set()
        for endpoint in changed:
            self._wake(endpoint)

    async def _tell(self, connection: AsyncConnection[Any], public: Sequence[Recorded]) -> None:
        told = await self._subscribed(connection, public) if public else []
        if told:
            deliveries = await self._deliveries(connection, public, told)
            await self._add(connection, deliveries)
            self._changed.update(delivery.endpoint for delivery in deliveries)

    async def _subscribed(self, connection: AsyncConnection[Any], events: Iterable[Recorded]) -> list[_Told]:
        cursor = await connection.execute(_SQL.endpoints, prepare=True)
        by_name = defaultdict(list)
        for endpoint, since, names in await cursor.fetchall():
            for name in set(names):
                by_name[name].append((since, endpoint))
        found = []
        for event in events:
            endpoints = [endpoint for since, endpoint in by_name[name_of(event.event)] if since < event.position]
            if endpoints:
                found.append(_Told(event, endpoints))
        return found

    async def _deliveries(
        self, connection: AsyncConnection[Any], events: Sequence[Recorded], told: Sequence[_Told]
    ) -> list[_Delivery]:
        records = await self._records(connection, events, told)
        others = await beside(connection, self._codec, records, events[-1].position)
        people = await self._people.get(
            connection, {person for it in told for person in people_of(it.event, records[it.event.position])}
        )
        return [
            _delivery(endpoint, it.event, record.id, body, self._codec.vault)
            for it in told
            for record in [records[it.event.position]]
            for body in [body_of(it.event, record, people, others[it.event.position], self._base)]
            for endpoint in it.endpoints
        ]

    async def _records(
        self, connection: AsyncConnection[Any], events: Sequence[Recorded], told: Sequence[_Told]
    ) -> Mapping[int, Any]:
        """Return the record as each told fact left it, by position. Each stream is folded once."""
        streams = {it.event.stream for it in told}
        histories: dict[UUID, list[Recorded]] = defaultdict(list)
        for event in events:
            if event.stream in streams:
                histories[event.stream].append(event)
        # A stream that begins in this batch is all here.
        begun = [stream for stream in streams if histories[stream][0].version > 1]
        if begun:
            histories.update(await read_until(connection, self._codec, begun, events[-1].position))
        wanted = {it.event.position for it in told}
        records = {}
        for history in histories.values():
            record = None
            for event in history:
                record = TOLD[event.event.kind].workflow.evolve(record, event)
                if event.position in wanted:
                    records[event.position] = record
        return records

    async def _add(self, connection: AsyncConnection[Any], deliveries: Sequence[_Delivery]) -> None:
        pairs = sorted({(delivery.endpoint, delivery.stream) for delivery in deliveries})
        asked = LongColumn([endpoint for endpoint, _ in pairs]), UuidColumn([stream for _, stream in pairs])
        cursor = await connection.execute(_SQL.lock_heads, asked, prepare=True)
        heads = await cursor.fetchall()
        queued = {(endpoint, stream) for endpoint, stream, _, again in heads if not again}
        batch = {
            "id": TextColumn([delivery.id for delivery in deliveries]),
            "endpoint_id": LongColumn([delivery.endpoint for delivery in deliveries]),
            "stream": UuidColumn([delivery.stream for delivery in deliveries]),
            "record": LongColumn([delivery.record for delivery in deliveries]),
            "position": LongColumn([delivery.position for delivery in deliveries]),
            "event": TextColumn([delivery.event for delivery in deliveries]),
            "body": BytesColumn([delivery.body for delivery in deliveries]),
            "behind": LongColumn([int((delivery.endpoint, delivery.stream) in queued) for delivery in deliveries]),
            "wait": self._first_wait,
        }
        await connection.execute(_SQL.add, batch, prepare=True)
        if overtaken := [delivery for _, _, delivery, again in heads if again]:
            await connection.execute(_SQL.give_way, (TextColumn(overtaken),), prepare=True)


def _delivery(endpoint: int, event: Recorded, record: int, body: bytes, vault: Vault) -> _Delivery:
    message = message_id(endpoint, event)
    sealed = vault.seal(body, body_context(message))
    return _Delivery(message, endpoint, event.stream, record, event.position, name_of(event.event), sealed)
