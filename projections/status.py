"""Where the consumers of the ledger stand."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg import AsyncConnection

from ledger.queries import queries
from projections.registry import NAMES

_SQL = queries("projections", "status")


class ProjectionStatus(Struct, frozen=True):
    """A consumer: the last position that it passed, and how many events it has yet to pass.

    generation: raised by each rebuild; 0 and `moved_at` None for one that has not begun.
    failure: the event that it can't take, and why; None where all is well.
    leading: somebody is at work on it. Where nobody is, it stays where it is.
    """

    name: str
    position: int
    lag: int
    generation: int
    failure: str | None
    moved_at: datetime | None
    leading: bool


async def status(connection: AsyncConnection[Any]) -> list[ProjectionStatus]:
    """Return every consumer that has begun, and the read models that have not, by name. One query."""
    cursor = await connection.execute(_SQL.status, (list(NAMES),))
    return [ProjectionStatus(*row) for row in await cursor.fetchall()]
