"""The net beneath the messages: whatever is due is found in the database, whether a message came or not.

What was settled longer ago than the settings keep it, and secrets that sign no more, are dropped on the way, a little
at a time.
"""

from collections.abc import Callable

from ledger.codec import Codec
from ledger.queries import queries
from projections.standing import settings_now
from projections.webhook_secrets import forget_expired_secrets
from workers.webhooks.deliver import Pool

_SQL = queries("workers", "deliveries")
_MOST_PRUNED = 500


class Sweep:
    """Finds endpoints with something due, and wakes their drain in this very process: it needs no broker."""

    def __init__(self, pool: Pool, codec: Codec, wake: Callable[[int], None], *, most: int = _MOST_PRUNED) -> None:
        """Prepare; of the deliveries that are kept no longer, `most` so many are dropped each time."""
        self._most = most
        self._codec = codec
        self._pool = pool
        self._wake = wake

    async def once(self) -> None:
        """Look once; one index probe an endpoint. Raises psycopg.OperationalError without a database."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_SQL.due_endpoints, prepare=True)
            rows = await cursor.fetchall()
        for (endpoint,) in rows:
            self._wake(endpoint)
        async with self._pool.connection() as connection:
            days = (await settings_now(connection, self._codec)).delivery_log_days
            await connection.execute(_SQL.prune, (days, self._most), prepare=True)
            await forget_expired_secrets(connection)
