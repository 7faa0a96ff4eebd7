"""The queries on users."""

from typing import Any

from msgspec import Struct
from psycopg import AsyncConnection

from domain.errors import Conflict
from domain.platform.roles import ADMINISTRATOR
from domain.platform.users import USERS, User
from ledger.codec import Codec, RecordCodec
from ledger.queries import queries
from projections.streams import histories

_SQL = queries("projections", "users")


class UserFilter(Struct, frozen=True, kw_only=True):
    """What a list of users is narrowed to; None narrows nothing."""

    active: bool = True
    id: int | None = None
    department: str | None = None
    role: str | None = None


async def find(
    connection: AsyncConnection[Any], codec: RecordCodec[User], wanted: UserFilter, limit: int, offset: int
) -> tuple[int, list[User]]:
    """Return how many users a filter leaves, and a page of them, oldest first."""
    given = {
        "active": wanted.active,
        "id": wanted.id,
        "department": wanted.department,
        "role": wanted.role,
        "limit": limit,
        "offset": offset,
    }
    row = await (await connection.execute(_SQL.page, given, prepare=True, binary=True)).fetchone()
    return (row[0], [codec.decode(record) for record in row[1]]) if row else (0, [])


async def administrators(connection: AsyncConnection[Any], codec: Codec) -> list[User]:
    """Return active administrators, a number of them, as the ledger itself has them."""
    cursor = await connection.execute(_SQL.holders, (ADMINISTRATOR,), prepare=True)
    streams = [stream for (stream,) in await cursor.fetchall()]
    found = await histories(connection, codec, streams)
    users = [USERS.fold(events) for events in found.values()]
    return [user for user in users if user is not None and user.administers]


async def another_administrator(connection: AsyncConnection[Any], codec: Codec, it: User) -> User:
    """Return an active administrator beside one. Raises Conflict where there is none."""
    for user in await administrators(connection, codec):
        if user.id != it.id:
            return user
    raise Conflict("This is the last active administrator; make somebody else one first.")
