"""The net beneath the messages: whatever is due is found in the database, whether a message came or not."""

from collections.abc import Callable

from ledger.queries import queries
from workers.webhooks.deliver import Pool

_SQL = queries("workers", "deliveries")


class Sweep:
    """Finds endpoints with something due, and wakes their drain in this very process: it needs no broker."""

    def __init__(self, pool: Pool, wake: Callable[[int], None]) -> None:
        """Prepare."""
        self._pool = pool
        self._wake = wake

    async def once(self) -> None:
        """Look once; one index probe an endpoint. Raises psycopg.OperationalError without a database."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_SQL.due_endpoints, prepare=True)
            rows = await cursor.fetchall()
        for (endpoint,) in rows:
            self._wake(endpoint)
