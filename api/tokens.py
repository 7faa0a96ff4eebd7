"""Access and refresh tokens as JWT: what they say, and that it was us who said it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

import jwt
from jwt.types import Options

from domain.errors import NotSignedIn
from ledger.keys import Keys

_ACCESS, _REFRESH = "access", "refresh"
_MOST_TOKENS = 10_000
_OPTIONS: Options = {"require": ["exp", "iat", "sub", "jti", "typ"]}

T = TypeVar("T")


class Access(NamedTuple):
    """What an access token says: the user, its session, its own id, and until when, in Unix seconds."""

    user: int
    session: UUID
    id: str
    until: float


class Refresh(NamedTuple):
    """What a refresh token says: the user, and its own id, by which its session is known."""

    user: int
    id: UUID


class Tokens:
    """Access and refresh tokens: JWT with HS256 under a key that is a file."""

    def __init__(self, keys: Keys) -> None:
        """Sign with the folder's key."""
        self._keys = keys
        self._read: dict[str, Access] = {}

    def access(self, user: int, session: UUID, until: datetime) -> str:
        """Return a new access token of a session: it is dead with that, also before its time."""
        return self._sign({"sub": str(user), "typ": _ACCESS, "jti": str(uuid4()), "sid": str(session)}, until)

    def refresh(self, user: int, token: UUID, until: datetime) -> str:
        """Return a refresh token of an id."""
        return self._sign({"sub": str(user), "typ": _REFRESH, "jti": str(token)}, until)

    def read(self, text: str) -> Access:
        """Return what an access token says. Raises NotSignedIn where it is not ours, of another kind, or too old."""
        known = self._read.get(text)
        if known is not None and known.until > time.time():
            return known
        token = self._told(text, _ACCESS, lambda it: Access(int(it["sub"]), UUID(it["sid"]), it["jti"], it["exp"]))
        if len(self._read) >= _MOST_TOKENS:
            self._read.clear()
        self._read[text] = token  # Most requests come with one that was seen a moment ago.
        return token

    def read_refresh(self, text: str) -> Refresh:
        """Return what a refresh token says. Raises NotSignedIn as `read` does."""
        return self._told(text, _REFRESH, lambda it: Refresh(int(it["sub"]), UUID(it["jti"])))

    def _told(self, text: str, kind: str, told: Callable[[dict[str, Any]], T]) -> T:
        try:
            claims = jwt.decode(text, self._keys.secret("jwt"), algorithms=["HS256"], options=_OPTIONS)
            if claims["typ"] != kind:
                raise NotSignedIn(f"This is not a good {kind} token.")
            return told(claims)
        except jwt.ExpiredSignatureError as old:
            raise NotSignedIn("The token has expired.") from old
        except (jwt.InvalidTokenError, KeyError, ValueError) as bad:
            raise NotSignedIn("The token is not valid.") from bad

    def _sign(self, claims: dict[str, Any], until: datetime) -> str:
        return jwt.encode({**claims, "iat": datetime.now(UTC), "exp": until}, self._keys.secret("jwt"), "HS256")
