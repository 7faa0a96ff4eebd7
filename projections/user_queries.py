"""The queries on users."""

from typing import Any

from psycopg import AsyncConnection

from domain.platform.users import User
from ledger.codec import RecordCodec
from ledger.queries import queries

_SQL = queries("projections", "users")


async def find(
    connection: AsyncConnection[Any], codec: RecordCodec[User], *, active: bool, limit: int, offset: int
) -> tuple[int, list[User]]:
    """Return how many users there are that can, or can not, sign in, and a page of them."""
    given = {"active": active, "limit": limit, "offset": offset}
    row = await (await connection.execute(_SQL.page, given, prepare=True, binary=True)).fetchone()
    return (row[0], [codec.decode(record) for record in row[1]]) if row else (0, [])
