"""Access and refresh tokens as JWT."""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
from jwt.types import Options
from psycopg import AsyncConnection

from domain.errors import NotSignedIn
from ledger.keys import Keys
from ledger.queries import queries

_SQL = queries("api", "auth")
_MOST_TOKENS = 10_000
_CLAIMS: Options = {"require": ["exp", "iat", "sub", "jti", "typ"]}
_DEAD = "The refresh token is no longer good; sign in again."


class Token(NamedTuple):
    """What a token says: the user, the token's own id, and until when, in Unix seconds."""

    user: int
    id: str
    until: float


class Refreshed(NamedTuple):
    """Whose a good refresh token is, and the token that takes its place where it was rotated."""

    user: int
    successor: str | None


class Tokens:
    """Access and refresh tokens: JWT with HS256 under a key that is a file."""

    def __init__(self, keys: Keys, access_seconds: int, refresh_seconds: int) -> None:
        """Sign with the folder's key."""
        self._keys = keys
        self._access, self._refresh = timedelta(seconds=access_seconds), timedelta(seconds=refresh_seconds)
        self._read: dict[str, Token] = {}

    def access(self, user: int) -> str:
        """Return a new access token."""
        return self._sign(user, "access", _new_id(), self._access)

    async def refresh(self, connection: AsyncConnection[Any], user: int, family: uuid.UUID | None = None) -> str:
        """Return a new refresh token, which can be used while its row stands; of a new family where none is named."""
        token = _new_id()
        await connection.execute(_SQL.forget_refresh_tokens, (user,))
        until = datetime.now(UTC) + self._refresh
        await connection.execute(_SQL.keep_refresh_token, (token, family or token, user, until))
        return self._sign(user, "refresh", token, self._refresh)

    async def refreshed(self, connection: AsyncConnection[Any], text: str, *, rotate: bool) -> Refreshed:
        """Return whose a refresh token is, with a new one in its place where `rotate`.

        A token that was rotated away comes from a thief, or his victim: it ends all that came of that sign-in.
        Raises NotSignedIn.
        """
        token = self.read(text, "refresh")
        number = uuid.UUID(token.id)
        row = await (await connection.execute(_SQL.refresh_token, (number, token.user))).fetchone()
        if row is None or row[1]:
            raise NotSignedIn(_DEAD)
        family, _, rotated = row
        if not rotated and not rotate:
            return Refreshed(token.user, None)
        async with connection.transaction():
            first = (await connection.execute(_SQL.rotate_refresh_token, (number,))).rowcount == 1
            if first:
                return Refreshed(token.user, await self.refresh(connection, token.user, family))
            await connection.execute(_SQL.revoke_family, (family,))
        raise NotSignedIn(_DEAD)

    async def revoke(self, connection: AsyncConnection[Any], text: str) -> None:
        """Make a refresh token, and all of its family, useless. Raises NotSignedIn where it is not one of ours."""
        token = self.read(text, "refresh")
        await connection.execute(_SQL.revoke_family_of, (uuid.UUID(token.id),))

    def read(self, text: str, kind: str = "access") -> Token:
        """Return what a token says. Raises NotSignedIn where it is not ours, not of the kind, or too old."""
        known = self._read.get(text)
        if known is not None and kind == "access" and known.until > time.time():
            return known
        try:
            claims = jwt.decode(text, self._keys.secret("jwt"), algorithms=["HS256"], options=_CLAIMS)
            if claims["typ"] != kind:
                raise NotSignedIn(f"This is not a good {kind} token.")
            token = Token(int(claims["sub"]), str(claims["jti"]), float(claims["exp"]))
        except jwt.ExpiredSignatureError as old:
            raise NotSignedIn("The token has expired.") from old
        except (jwt.InvalidTokenError, ValueError) as bad:
            raise NotSignedIn("The token is not valid.") from bad
        if kind == "access":
            self._remember(text, token)
        return token

    def _remember(self, text: str, token: Token) -> None:
        """Keep what a good token says: most requests come with one that was seen a moment ago."""
        if len(self._read) >= _MOST_TOKENS:
            self._read.clear()
        self._read[text] = token

    def _sign(self, user: int, kind: str, token: uuid.UUID, lasts: timedelta) -> str:
        now = datetime.now(UTC)
        claims = {"sub": str(user), "typ": kind, "jti": str(token), "iat": now, "exp": now + lasts}
        return jwt.encode(claims, self._keys.secret("jwt"), "HS256")


def _new_id() -> uuid.UUID:
    return uuid.UUID(bytes=os.urandom(16), version=4)
