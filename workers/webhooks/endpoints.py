"""The dispatcher's own list of endpoints: what facts of webhooks make of it, and of the deliveries that are there."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from msgspec import UNSET
from psycopg import AsyncConnection

from domain.events import Recorded
from domain.platform.webhooks import WebhookCreated, WebhookDeleted, WebhookRedeliveryRequested, WebhookUpdated
from ledger.arrays import UuidColumn
from ledger.queries import queries
from projections.webhook_secrets import forget_secrets

_SQL = queries("workers", "endpoints")
_DELIVERIES = queries("workers", "deliveries")
_AGAIN = queries("workers", "redelivery")
_DELETED = "the webhook was deleted"

Connection = AsyncConnection[Any]


async def hold(connection: Connection, events: Sequence[Recorded]) -> None:
    """Lock the endpoints that facts are about: before any delivery, as whoever records an attempt does."""
    await connection.execute(_SQL.lock, (UuidColumn([event.stream for event in events]),), prepare=True)


async def follow(connection: Connection, recorded: Recorded, first_wait: float) -> set[int]:
    """Do what a fact of a webhook asks for, once; return the endpoints that have something to be done.

    first_wait: seconds before the first attempt at what is made again.
    """
    event = recorded.event
    if isinstance(event, WebhookCreated):
        endpoint = (event.id, recorded.stream, recorded.position, event.url, list(event.events), event.active)
        await connection.execute(_SQL.register, endpoint)
    elif isinstance(event, WebhookUpdated):
        return await _found(connection, _SQL.change, {**_changed(event), **_place(recorded)})
    elif isinstance(event, WebhookRedeliveryRequested):
        return await _make_again(connection, recorded, event, first_wait)
    elif isinstance(event, WebhookDeleted):
        return await _remove(connection, recorded)
    return set()


def _changed(event: WebhookUpdated) -> dict[str, Any]:
    """Return what an endpoint's columns become; None for those that stay."""
    return {
        "url": None if event.url is UNSET else event.url,
        "events": None if event.events is UNSET else list(event.events),
        "active": None if event.active is UNSET else event.active,
    }


async def _make_again(
    connection: Connection, recorded: Recorded, event: WebhookRedeliveryRequested, first_wait: float
) -> set[int]:
    """Queue deliveries again, set-wise: behind what is made for the first time, in the order of the ledger.

    Each is a statement of its own, so that it sees what was settled while the one before it waited for a lock.
    """
    endpoints = await _found(connection, _SQL.asked, _place(recorded))
    for endpoint in endpoints:
        asked = {
            "endpoint": endpoint,
            "position": recorded.position,
            "delivery": event.delivery,
            "since": event.since,
            "until": event.until,
            "state": event.state,
            "wait": first_wait,
        }
        await connection.execute(_AGAIN.ask_for_one if event.delivery else _AGAIN.ask_for_window, asked)
        await connection.execute(_AGAIN.lock_heads, asked)
        await connection.execute(_AGAIN.line_up, asked)
    return endpoints


async def _remove(connection: Connection, recorded: Recorded) -> set[int]:
    cursor = await connection.execute(_SQL.remove, (_DELETED, recorded.stream))
    endpoints = {endpoint for (endpoint,) in await cursor.fetchall()}
    for endpoint in endpoints:
        await connection.execute(_DELIVERIES.abandon, (endpoint, _DELETED))
        await connection.execute(_SQL.forget_bodies, (endpoint,))
        await forget_secrets(connection, endpoint)
    return endpoints


async def _found(connection: Connection, statement: LiteralString, values: Mapping[str, Any]) -> set[int]:
    return {endpoint for (endpoint,) in await (await connection.execute(statement, values)).fetchall()}


def _place(recorded: Recorded) -> dict[str, Any]:
    return {"stream": recorded.stream, "position": recorded.position}
