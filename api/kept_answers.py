"""Answers that are kept under an Idempotency-Key, and what becomes of them when a user is erased whom they show."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from psycopg import AsyncConnection

from api.reply import Reply
from ledger.keys import KeyMissing
from ledger.queries import queries
from ledger.vault import Vault
from projections.erasures import erased_since
from projections.unnamed import unnamed

_SQL = queries("api", "kept_answers")
_CHUNK = 500
#: Longer than an answer is kept, and than one is under way that was made before an erasure.
_KEPT, _UNDER_WAY = timedelta(hours=26), timedelta(hours=1)

#: A sealed answer, whose it is, and its key.
_Anew = tuple[bytes, int, str]


def answer_context(user: int, key: str) -> str:
    """Return what an answer is sealed for."""
    return f"answer/{user}/{key}"


async def unname(connection: AsyncConnection[Any], vault: Vault, users: Collection[int]) -> None:
    """Forget the answers to erased users, and seal those to others anew that show any of them: one pass over all.

    Asked again, these show them as erased, and nothing is done twice.
    """
    await connection.execute(_SQL.forget_own, (list(users),))
    place: Mapping[str, Any] = {"user": 0, "key": "", "most": _CHUNK}
    while rows := await (await connection.execute(_SQL.page, place)).fetchall():
        place = {"user": rows[-1][0], "key": rows[-1][1], "most": _CHUNK}
        # Opening and sealing take a processor's time: others are answered meanwhile.
        for anew in await asyncio.to_thread(_without, users, rows, vault):
            await connection.execute(_SQL.replace, anew)


class Unnaming:
    """Does it again for all who were erased lately: for an answer that was under way, and where a process died."""

    def __init__(self) -> None:
        """Begin with everybody whom a kept answer may show."""
        self._since: datetime | None = None

    async def sweep(self, connection: AsyncConnection[Any], vault: Vault) -> None:
        """Do it for those who were erased since it was done last; nothing is opened where nobody was."""
        now = datetime.now(UTC)
        erased = await erased_since(connection, self._since or now - _KEPT)
        if erased:
            await unname(connection, vault, erased)
        self._since = now - _UNDER_WAY


def _without(users: Collection[int], rows: Iterable[tuple[int, str, bytes]], vault: Vault) -> list[_Anew]:
    """Return those of kept answers that show one of the users, as they are to be kept from now on."""
    found = []
    for owner, key, sealed in rows:
        context = answer_context(owner, key)
        answer = _reply_without(users, bytes(sealed), vault, context)
        if answer is not None:
            found.append((answer, owner, key))
    return found


def _reply_without(users: Collection[int], sealed: bytes, vault: Vault, context: str) -> bytes | None:
    try:
        reply = msgspec.msgpack.decode(vault.open(sealed, context), type=Reply)
    except KeyMissing:  # Nobody reads it any more.
        return None
    body = reply.body
    for user in users:
        body = unnamed(body, user) or body
    if body is reply.body:
        return None
    return vault.seal(msgspec.msgpack.encode(msgspec.structs.replace(reply, body=body)), context)
