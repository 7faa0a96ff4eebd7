"""Follow-ups: what is made in one aggregate because of a fact in another. Each has an id derived from that fact."""

from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection

from ledger.append import Statement
from ledger.queries import queries

#: The consumer that makes them; who has seen it pass a position has seen what follows from it.
CONSUMER = "follow_ups"

_SQL = queries("projections", "follow_ups")


def follow_up_id(stream: UUID, version: int, kind: str) -> UUID:
    """Return the id of what one event brings about in another aggregate: the same for ever."""
    return uuid5(stream, f"{version}/{kind}")


def keep(follow_up: UUID, record: int) -> Statement:
    """Return what is committed with the record that a follow-up makes; it fails where that was made before."""
    return Statement(_SQL.keep, (follow_up, record))


async def made_by(connection: AsyncConnection[Any], follow_up: UUID) -> int | None:
    """Return the id of the record that a follow-up made, None where it has not yet."""
    row = await (await connection.execute(_SQL.made, (follow_up,), prepare=True)).fetchone()
    return int(row[0]) if row else None
