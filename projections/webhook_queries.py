"""The queries on webhooks."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from domain.platform.webhooks import Webhook
from ledger.codec import RecordCodec
from ledger.queries import queries

_SQL = queries("projections", "webhooks")


class Health(NamedTuple):
    """Since when deliveries to a webhook fail, and whether its receiver ended it (410)."""

    failing_since: datetime | None = None
    ended: bool = False


class Listed(NamedTuple):
    """A webhook, and how it is."""

    webhook: Webhook
    health: Health


async def find(
    connection: AsyncConnection[Any], codec: RecordCodec[Webhook], limit: int, offset: int
) -> tuple[int, list[Listed]]:
    """Return how many webhooks there are, and a page of them, newest first."""
    cursor = await connection.execute(_SQL.page, {"limit": limit, "offset": offset}, prepare=True, binary=True)
    row = await cursor.fetchone()
    if row is None:
        return 0, []
    return (row[0], [Listed(codec.decode(record), Health(*rest)) for record, *rest in zip(*row[1:], strict=True)])


async def one(connection: AsyncConnection[Any], codec: RecordCodec[Webhook], number: int) -> Listed | None:
    """Return a webhook that is not deleted."""
    row = await (await connection.execute(_SQL.one, (number,), prepare=True, binary=True)).fetchone()
    return Listed(codec.decode(row[0]), Health(*row[1:])) if row else None


async def health(connection: AsyncConnection[Any], number: int) -> Health:
    """Return how a webhook is."""
    row = await (await connection.execute(_SQL.health, (number,), prepare=True, binary=True)).fetchone()
    return Health(*row) if row else Health()
