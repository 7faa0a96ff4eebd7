"""The dispatcher: what was recorded becomes deliveries, in the transaction that moves its position."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from domain.events import Recorded
from domain.platform.webhooks import WebhookCreated, WebhookDeleted
from ledger.arrays import BytesColumn, LongColumn, TextColumn, UuidColumn
from ledger.codec import Codec
from ledger.keys import Vault
from ledger.queries import queries
from ledger.rows import Row
from projections.people import People
from workers.webhooks.render import TOLD, body_of, message_id, name_of, people_of

_SQL = queries("workers", "dispatch")
_DELIVERIES = queries("workers", "deliveries")
_DELETED = "the webhook was deleted"


class _Told(NamedTuple):
    """A fact that somebody is to be told of."""

    event: Recorded
    endpoints: list[int]


class _Delivery(NamedTuple):
    id: str
    endpoint: int
    stream: UUID
    position: int
    event: str
    body: bytes


class Dispatch:
    """Consumes facts, and makes one delivery for each that an endpoint, registered before it, subscribes to."""

    name = "webhooks.dispatch"
    kinds = frozenset({*TOLD, "webhook", "user"})

    def __init__(self, codec: Codec, wake: Callable[[int], None], *, first_wait: float = 0.0) -> None:
        """Wake an endpoint's drain with `wake`; `first_wait`: seconds before a first attempt."""
        self._codec = codec
        self._people = People(codec)
        self._wake = wake
        self._first_wait = first_wait
        self._changed: set[int] = set()

    async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
        """Keep the list of endpoints, and add deliveries. Folds and renders nothing that nobody subscribes to."""
        if any(event.event.kind == "user" for event in events):
            self._people.forget()
        for event in events:
            await self._register(connection, event)
        public = [event for event in events if event.event.kind in TOLD]
        told = await self._subscribed(connection, public) if public else []
        if told:
            deliveries = await self._deliveries(connection, public, told)
            await self._add(connection, deliveries)
            self._changed.update(delivery.endpoint for delivery in deliveries)

    async def committed(self) -> None:
        """Wake the drain of each endpoint that has something to be done, once."""
        changed, self._changed = self._changed, set()
        for endpoint in changed:
            self._wake(endpoint)

    async def _register(self, connection: AsyncConnection[Any], recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, WebhookCreated):
            endpoint = (event.id, recorded.stream, recorded.position, event.url, list(event.events), event.active)
            await connection.execute(_SQL.register, endpoint)
        elif isinstance(event, WebhookDeleted):
            cursor = await connection.execute(_SQL.remove, (_DELETED, recorded.stream))
            for (endpoint,) in await cursor.fetchall():
                await connection.execute(_DELIVERIES.abandon, (endpoint, _DELETED))
                await connection.execute(_SQL.forget_secrets, (endpoint,))
                self._changed.add(endpoint)

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
        people = await self._people.get(
            connection, {person for it in told for person in people_of(it.event, records[it.event.position])}
        )
        return [
            _delivery(endpoint, it.event, body, self._codec.vault)
            for it in told
            for body in [body_of(it.event, records[it.event.position], people)]
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
            histories.update(await self._read(connection, begun, events[-1].position))
        wanted = {it.event.position for it in told}
        records = {}
        for history in histories.values():
            record = None
            for event in history:
                record = TOLD[event.event.kind].workflow.evolve(record, event)
                if event.position in wanted:
                    records[event.position] = record
        return records

    async def _read(
        self, connection: AsyncConnection[Any], streams: list[UUID], until: int
    ) -> Mapping[UUID, list[Recorded]]:
        cursor = await connection.execute(_SQL.streams, (UuidColumn(streams), until), prepare=True, binary=True)
        found = defaultdict(list)
        for event in self._codec.recorded(Row(*row) for row in await cursor.fetchall()):
            found[event.stream].append(event)
        return found

    async def _add(self, connection: AsyncConnection[Any], deliveries: Sequence[_Delivery]) -> None:
        pairs = sorted({(delivery.endpoint, delivery.stream) for delivery in deliveries})
        asked = LongColumn([endpoint for endpoint, _ in pairs]), UuidColumn([stream for _, stream in pairs])
        cursor = await connection.execute(_SQL.lock_tails, asked, prepare=True)
        queued = set(await cursor.fetchall())
        batch = {
            "id": TextColumn([delivery.id for delivery in deliveries]),
            "endpoint_id": LongColumn([delivery.endpoint for delivery in deliveries]),
            "stream": UuidColumn([delivery.stream for delivery in deliveries]),
            "position": LongColumn([delivery.position for delivery in deliveries]),
            "event": TextColumn([delivery.event for delivery in deliveries]),
            "body": BytesColumn([delivery.body for delivery in deliveries]),
            "behind": LongColumn([int((delivery.endpoint, delivery.stream) in queued) for delivery in deliveries]),
            "wait": self._first_wait,
        }
        await connection.execute(_SQL.add, batch, prepare=True)


def _delivery(endpoint: int, event: Recorded, body: bytes, vault: Vault) -> _Delivery:
    message = message_id(endpoint, event)
    sealed = vault.seal(body, body_context(message))
    return _Delivery(message, endpoint, event.stream, event.position, name_of(event.event), sealed)


def body_context(message: str) -> str:
    """Return what a message's body is sealed for."""
    return f"delivery/{message}"
