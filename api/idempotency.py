"""Idempotency-Key: the answer is kept sealed, committed with the events that it answers."""

import hmac
from hashlib import sha256
from typing import Any

import msgspec
from psycopg import AsyncConnection

from api.actions import visible
from api.call import Call, fault
from api.doors import Doors
from api.kept_answers import answer_context
from api.reply import Reply
from domain.errors import Conflict, KeyReused
from ledger.append import Statement
from ledger.queries import queries

_SQL = queries("api", "doors")
_LONGEST = 255
#: What keys and requests are hashed under.
_HASHED_UNDER = "idempotency"


class Key:
    """A key as one request uses it."""

    def __init__(self, doors: Doors, user: int, key: str, request: bytes) -> None:
        """Bind a key, as `key_of` makes it of the client's, to its user and to what is asked under it."""
        self._vault = doors.vault
        self.user, self.key, self._request = user, key, request

    def keep(self, reply: Reply, position: int) -> Statement:
        """Return the statement that keeps an answer; it fails where the key was used meanwhile."""
        answer = msgspec.msgpack.encode(msgspec.structs.replace(reply, position=position))
        return Statement(
            _SQL.keep_answer, (self.user, self.key, self._request, self._vault.seal(answer, self._context))
        )

    async def answered(self, connection: AsyncConnection[Any]) -> Reply | None:
        """Return the answer that was given under this key. Raises KeyReused where it answered another request."""
        row = await (await connection.execute(_SQL.answer, (self.user, self.key))).fetchone()
        if row is None:
            return None
        if bytes(row[0]) != self._request:
            raise KeyReused("This Idempotency-Key came with another request before.")
        reply = msgspec.msgpack.decode(self._vault.open(bytes(row[1]), self._context), type=Reply)
        return msgspec.structs.replace(reply, headers=(*reply.headers, ("Idempotency-Replayed", "true")))

    async def known(self, connection: AsyncConnection[Any]) -> bool:
        """Tell whether the key was used, whatever for."""
        return await (await connection.execute(_SQL.answer, (self.user, self.key))).fetchone() is not None

    @property
    def _context(self) -> str:
        return answer_context(self.user, self.key)


def key_of(call: Call) -> Key | None:
    """Return the call's key, None where it has none. Raises InvalidInput for one that can be none."""
    text = call.headers.get("idempotency-key")
    if text is None or call.user is None:
        return None
    if not 0 < len(text) <= _LONGEST or not (text.isprintable() and text.isascii()):
        raise fault("Idempotency-Key", f"1 to {_LONGEST} printable characters of ASCII.")
    # The same door by another of its names is the same request.
    scope = call.request.scope
    asked = f"{scope['method']} {scope['path'].rstrip('/')}?".encode() + scope["query_string"]
    # Keyed: bodies hold passwords, which a plain hash would give to whoever tries them out on a dump.
    secret = call.doors.vault.keys.secret(_HASHED_UNDER)
    digest = hmac.digest(secret, b"request\n" + asked + b"\n" + call.body.content, sha256)
    # Clients write what they like into a key, names too: it is kept as a hash.
    key = hmac.digest(secret, b"key\n" + text.encode(), sha256).hex()
    return Key(call.doors, call.user.id, key, digest)


async def answered_before(call: Call, key: Key) -> Reply | None:
    """Return the answer that was given under a key, once what it tells of can be read. Raises KeyReused."""
    async with call.doors.pool.connection() as connection:
        answered = await key.answered(connection)
    return answered and await visible(call, answered)


class UnderWay:
    """Holds a key while its request runs in this process. Raises Conflict where it runs already."""

    def __init__(self, call: Call, key: Key) -> None:
        """Name the key."""
        self._under_way = call.doors.under_way
        self._name = (key.user, key.key)

    def __enter__(self) -> None:
        """Take the key."""
        if self._name in self._under_way:
            raise Conflict("A request with this Idempotency-Key is still running.")
        self._under_way.add(self._name)

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._under_way.discard(self._name)
