"""The log of webhooks' deliveries: read from what the workers keep, through the views that they give of it."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, LiteralString, NamedTuple

from msgspec import Struct
from psycopg import AsyncConnection, sql

from ledger.queries import queries

_SQL = queries("projections", "delivery_log")

#: The consumer of the ledger that makes deliveries; the log is as far as it is.
DISPATCH = "webhooks.dispatch"


class LogFilter(Struct, frozen=True, kw_only=True):
    """What a webhook's log is narrowed to. since, until: when the fact was recorded; `until` is exclusive."""

    webhook: int
    state: str | None = None
    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Logged(NamedTuple):
    """A delivery. record: the id of the record that the fact is of; recorded_at: when the fact was recorded.

    attempts: all that were made; next_attempt_at: None where none is to be made, or others come first.
    """

    id: str
    event: str
    record: int
    position: int
    recorded_at: datetime
    state: str
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None


class LoggedAttempt(NamedTuple):
    """One attempt at a delivery: which, when, and how it ended, after how many milliseconds."""

    number: int
    at: datetime
    status: int | None
    milliseconds: int
    error: str | None


class Window(NamedTuple):
    """Deliveries about facts that were recorded since, and before `until`; in a state, or all that are settled."""

    since: datetime
    until: datetime | None
    state: str


_FILTERS: dict[str, LiteralString] = {
    "webhook": "webhook_id = %(webhook)s",
    "state": "state = %(state)s",
    "event": "event = %(event)s",
    "since": "recorded_at >= %(since)s",
    "until": "recorded_at < %(until)s",
}


@cache
def _page(given: frozenset[str]) -> bytes:
    """Return the statement for a set of filters: put together once for each set that comes up."""
    filters = sql.SQL(" AND ").join(sql.SQL(_FILTERS[name]) for name in sorted(given))
    return sql.SQL(_SQL.page).format(filters=filters).as_bytes()


async def find(
    connection: AsyncConnection[Any], wanted: LogFilter, limit: int, offset: int
) -> tuple[int, list[Logged]]:
    """Return how many deliveries match, and a page of them, newest first."""
    given = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    values = {**given, "limit": limit, "offset": offset}
    cursor = await connection.execute(_page(frozenset(given)), values, prepare=True, binary=True)
    rows = await cursor.fetchall()
    return rows[0][0], [Logged(*row[1:]) for row in rows if row[1] is not None]


async def one(connection: AsyncConnection[Any], webhook: int, delivery: str) -> tuple[Logged, bytes | None] | None:
    """Return a delivery to a webhook, with its body, sealed, while that is kept."""
    cursor = await connection.execute(_SQL.one, (webhook, delivery), prepare=True, binary=True)
    row = await cursor.fetchone()
    return (Logged(*row[:-1]), row[-1]) if row else None


async def attempts_of(connection: AsyncConnection[Any], delivery: str) -> Sequence[LoggedAttempt]:
    """Return every attempt at a delivery, in order."""
    cursor = await connection.execute(_SQL.attempts, (delivery,), prepare=True, binary=True)
    return [LoggedAttempt(*row) for row in await cursor.fetchall()]


async def count_redeliverable(connection: AsyncConnection[Any], webhook: int, window: Window) -> int:
    """Return how many deliveries of a window can be made again."""
    values = {"webhook": webhook, **window._asdict()}
    row = await (await connection.execute(_SQL.redeliverable, values)).fetchone()
    return int(row[0]) if row else 0


def body_context(delivery: str) -> str:
    """Return what a delivery's body is sealed for."""
    return f"delivery/{delivery}"
