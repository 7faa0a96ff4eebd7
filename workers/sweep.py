"""The net beneath the messages: whatever is due is found in the database, whether a message came or not.

What was settled long ago is dropped on the way, a little at a time.
"""

from collections.abc import Callable

from ledger.queries import queries
from workers.webhooks.deliver import Pool

_SQL = queries("workers", "deliveries")
#: How long a delivery that was made, or given up, can be looked up.
KEEP_SECONDS = 30 * 86_400.0
_MOST_PRUNED = 500


class Sweep:
    """Finds endpoints with something due, and wakes their drain in this very process: it needs no broker."""

    def __init__(
        self,
        pool: Pool,
        wake: Callable[[int], None],
        *,
        keep_seconds: float = KEEP_SECONDS,
        most: int = _MOST_PRUNED,
    ) -> None:
        """Prepare; what was settled is kept for so long, then dropped, at `most` so many each time."""
        self._most = most
        self._keep_seconds = keep_seconds
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
            await connection.execute(_SQL.prune, (self._keep_seconds, self._most), prepare=True)
