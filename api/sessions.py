"""Sessions: each is one sign-in, and all the tokens that come of it. See docs/decisions/sessions.md."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.rows import class_row

from api.tokens import Tokens
from domain.errors import NotSignedIn
from ledger.append import Statement
from ledger.queries import queries

_SQL = queries("api", "sessions")
_LONGEST_AGENT = 200
#: Kept so long after no token can be good any more, for whoever looks into what happened.
_KEPT_SECONDS = 86_400
DEAD = "The refresh token is no longer good; sign in again."


class Seen(NamedTuple):
    """From where, and with what, a session is used."""

    address: str | None
    agent: str

    @classmethod
    def of(cls, address: str | None, agent: str) -> "Seen":
        """Take what a client says of itself, within bounds and on one line."""
        return cls(address, "".join(it for it in agent if it.isascii() and it.isprintable())[:_LONGEST_AGENT])


class Session(NamedTuple):
    """A session that goes on."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str


class Begun(NamedTuple):
    """A new session, and both its tokens."""

    session: UUID
    access: str
    refresh: str


class Used(NamedTuple):
    """What a refresh token gave: whose it is, its session, a new access token, and its successor where it has one.

    `stolen`: another took its place before, so that two know it; access is then empty, and the session is over.
    """

    user: int
    session: UUID
    access: str = ""
    successor: str | None = None
    stolen: bool = False


class Sessions:
    """Begins sessions and goes on with them. Whether one was ended is `api.ended`'s to know."""

    def __init__(self, tokens: Tokens, access_seconds: int, refresh_seconds: int) -> None:
        """Sign with `tokens`."""
        self._tokens = tokens
        self._access, self._refresh = timedelta(seconds=access_seconds), timedelta(seconds=refresh_seconds)

    async def begin(self, connection: AsyncConnection[Any], user: int, password_hash: str, seen: Seen) -> Begun | None:
        """Begin a session for who gave the password of this hash; None where it, or the user, no longer holds."""
        session, token, until = uuid4(), uuid4(), datetime.now(UTC) + self._refresh
        given = {"user": user, "hash": password_hash, "session": session, "token": token, "until": until}
        cursor = await connection.execute(_SQL.begin, {**given, **seen._asdict()})
        if cursor.rowcount != 1:
            return None
        return Begun(session, self._access_token(user, session), self._tokens.refresh(user, token, until))

    async def go_on(self, connection: AsyncConnection[Any], text: str, seen: Seen, *, rotate: bool) -> Used:
        """Return what a refresh token gives: with a new one in its place where `rotate`. Raises NotSignedIn.

        A token that was rotated away comes from a thief, or his victim: it ends the session.
        """
        user, token = self._tokens.read_refresh(text)
        async with connection.transaction():
            cursor = await connection.execute(_SQL.use, {"token": token, "user": user, **seen._asdict()})
            row = await cursor.fetchone()
            if row is None:
                raise NotSignedIn(DEAD)
            session, rotated = row
            if rotated or (rotate and (await connection.execute(_SQL.rotate, (token,))).rowcount == 0):
                await connection.execute(_SQL.end_of_token, (token,))
                return Used(user, session, stolen=True)
            successor = await self._succeed(connection, user, session) if rotate else None
        return Used(user, session, self._access_token(user, session), successor)

    async def leave(self, connection: AsyncConnection[Any], text: str) -> None:
        """End the session that a refresh token is of. Raises NotSignedIn where it is not one of ours."""
        await connection.execute(_SQL.end_of_token, (self._tokens.read_refresh(text).id,))

    async def forget(self, connection: AsyncConnection[Any]) -> None:
        """Remove what is over."""
        await connection.execute(_SQL.forget, {"seconds": self._access.total_seconds() + _KEPT_SECONDS})

    async def _succeed(self, connection: AsyncConnection[Any], user: int, session: UUID) -> str:
        token, until = uuid4(), datetime.now(UTC) + self._refresh
        await connection.execute(_SQL.extend, {"session": session, "token": token, "user": user, "until": until})
        return self._tokens.refresh(user, token, until)

    def _access_token(self, user: int, session: UUID) -> str:
        return self._tokens.access(user, session, datetime.now(UTC) + self._access)


async def live(connection: AsyncConnection[Any], user: int, limit: int, offset: int) -> tuple[int, list[Session]]:
    """Return how many sessions of a user go on, and a page of them, the last used first."""
    row = await (await connection.execute(_SQL.count, (user,))).fetchone()
    async with connection.cursor(row_factory=class_row(Session)) as cursor:
        await cursor.execute(_SQL.page, {"user": user, "limit": limit, "offset": offset})
        return (int(row[0]) if row else 0), await cursor.fetchall()


async def has_live(
    connection: AsyncConnection[Any], user: int, session: UUID | None = None, kept: UUID | None = None
) -> bool:
    """Tell whether a session of a user goes on, or (none named) any but the kept one."""
    given = {"user": user, "session": session, "kept": kept}
    row = await (await connection.execute(_SQL.has_live, given)).fetchone()
    return bool(row and row[0])


def end_one(user: int, session: UUID) -> Statement:
    """Return what ends a session of a user, committed with why."""
    return Statement(_SQL.end_one, {"user": user, "session": session})


def end_all(user: int, kept: UUID | None = None) -> Statement:
    """Return what ends all sessions of a user, but for the kept one, committed with why."""
    return Statement(_SQL.end_all, {"user": user, "kept": kept})
