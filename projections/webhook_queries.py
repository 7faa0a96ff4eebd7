"""The queries on webhooks."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from domain.platform.webhooks import Webhook
from ledger.codec import RecordCodec
from ledger.queries import queries

_SQL = queries("projections", "webhooks")


class Listed(NamedTuple):
    """A webhook, since when deliveries to it fail, and whether its receiver ended it (410)."""

    webhook: Webhook
    failing_since: datetime | None
    ended: bool


async def find(
    connection: AsyncConnection[Any], codec: RecordCodec[Webhook], limit: int, offset: int
) -> tuple[int, list[Listed]]:
    """Return how many webhooks there are, and a page of them, newest first."""
    cursor = await connection.execute(_SQL.page, {"limit": limit, "offset": offset}, prepare=True, binary=True)
    row = await cursor.fetchone()
    if row is None:
        return 0, []
    return (row[0], [Listed(codec.decode(record), *rest) for record, *rest in zip(*row[1:], strict=True)])


async def one(connection: AsyncConnection[Any], codec: RecordCodec[Webhook], number: int) -> Listed | None:
    """Return a webhook that is not deleted."""
    row = await (await connection.execute(_SQL.one, (number,), prepare=True, binary=True)).fetchone()
    return Listed(codec.decode(row[0]), *row[1:]) if row else None
