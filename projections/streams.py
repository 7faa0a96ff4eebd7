"""Records read from the ledger itself: never behind it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from domain.events import Recorded
from ledger.arrays import UuidColumn
from ledger.codec import Codec
from ledger.queries import queries
from ledger.rows import Row

_SQL = queries("projections", "streams")


async def histories(
    connection: AsyncConnection[Any], codec: Codec, streams: Sequence[UUID], before: datetime | None = None
) -> defaultdict[UUID, list[Recorded]]:
    """Return the events of each stream, oldest first, by one query; none for a stream that is not there.

    before: only those that were recorded before this moment.
    """
    asked = {"streams": UuidColumn(list(streams)), "before": before}
    cursor = await connection.execute(_SQL.streams, asked, prepare=True, binary=True)
    found = defaultdict[UUID, list[Recorded]](list)
    for event in codec.recorded(Row(*row) for row in await cursor.fetchall()):
        found[event.stream].append(event)
    return found
