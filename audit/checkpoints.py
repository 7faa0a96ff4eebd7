"""The signed tree heads that are in the database, with the keys that signed them.

Whoever may append to the ledger may put rows there that nobody signed: they are passed over, so many of them at most.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import AsyncConnection

from ledger.keys import Keys
from ledger.note import NoteError, origin_of, verifier_key, verify_note
from ledger.queries import queries
from ledger.stored import LARGEST, PAGE, PAGES

_SQL = queries("audit", "checkpoints")


class Signed(NamedTuple):
    """A checkpoint that a key of ours has signed. key: that key, as c2sp.org/signed-note writes it."""

    origin: str
    size: int
    root: bytes
    note: str
    key: str


class Kept(NamedTuple):
    """A checkpoint as it is stored; `signed` is None where no key of ours has signed what it says."""

    size: int
    note: str
    created_at: datetime
    signed: Signed | None


async def newest(connection: AsyncConnection[Any], keys: Keys) -> Kept | None:
    """Return the checkpoint of ours that covers most; where none is ours the furthest row, None before the first."""
    return await _first_signed(connection, keys, _SQL.down, LARGEST, -1)


async def oldest(connection: AsyncConnection[Any], keys: Keys) -> Kept | None:
    """Return the checkpoint of ours that covers least; otherwise as `newest`."""
    return await _first_signed(connection, keys, _SQL.up, -LARGEST, 1)


async def of_size(connection: AsyncConnection[Any], keys: Keys, size: int) -> Kept | None:
    """Return the checkpoint over so many events, None where there is none."""
    row = await (await connection.execute(_SQL.of_size, (size,), prepare=True)).fetchone()
    return None if row is None else _kept(row, keys.verifiers())


async def page(connection: AsyncConnection[Any], keys: Keys, limit: int, offset: int) -> tuple[int, list[Kept]]:
    """Return how many checkpoints there are, and some of them, the newest first."""
    counted = await (await connection.execute(_SQL.count, prepare=True)).fetchone()
    cursor = await connection.execute(_SQL.page, (limit, offset), prepare=True)
    known = keys.verifiers()
    return counted[0] if counted else 0, [_kept(row, known) for row in await cursor.fetchall()]


async def _first_signed(
    connection: AsyncConnection[Any], keys: Keys, statement: LiteralString, start: int, step: int
) -> Kept | None:
    """Return the first of ours from a size on, in steps up or down; else the very first."""
    known = keys.verifiers()
    first: Kept | None = None
    for _ in range(PAGES):
        rows = await (await connection.execute(statement, (start, PAGE), prepare=True)).fetchall()
        for kept in (_kept(row, known) for row in rows):
            if kept.signed is not None:
                return kept
            first = first or kept
        if len(rows) < PAGE:
            break
        start = rows[-1][0] + step
    return first


def _kept(row: Sequence[Any], known: Sequence[Ed25519PublicKey]) -> Kept:
    size, note, created_at, identity = row
    return Kept(size, note, created_at, _signed(size, note, origin_of(identity), known))


def _signed(size: int, note: str, origin: str, known: Sequence[Ed25519PublicKey]) -> Signed | None:
    for key in known:
        try:
            said, covered, root, _ = verify_note(note, [key])
        except NoteError:
            continue
        return (
            Signed(origin, size, root, note, verifier_key(origin, key)) if (said, covered) == (origin, size) else None
        )
    return None
