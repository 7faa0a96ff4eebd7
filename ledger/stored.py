"""The database's checkpoints, read from the furthest back to one that is ours.

Whoever may append to the ledger may put rows there, of any size: they are passed over. So many of them are read at most
that nobody is kept from signing, and that no reading is without an end.
"""

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import Connection

from ledger.merkle import Tree
from ledger.note import Checkpoint, NoteError, verify_note
from ledger.queries import queries
from ledger.read import LedgerDamaged

_SQL = queries("ledger", "checkpoint")
#: How many rows are read at once, and how often: 1024 in all.
PAGE = 16
PAGES = 64
LARGEST = (1 << 63) - 1


class Newest(NamedTuple):
    """The furthest checkpoint that is ours, and how many rows that are not go further."""

    checkpoint: Checkpoint | None
    passed: int


def newest(connection: Connection[Any], origin: str, keys: Sequence[Ed25519PublicKey]) -> Newest:
    """Return the furthest checkpoint that one of our keys has signed. Raises LedgerDamaged past 1024 others."""
    passed = 0
    for size, note in _backwards(connection, _SQL.furthest, LARGEST):
        if own := _own(size, note, origin, keys):
            return Newest(own, passed)
        passed += 1
    if passed == PAGE * PAGES:
        why = f"the furthest {passed} checkpoints of the database are not ours: its owner must delete them"
        raise LedgerDamaged(f"{why}; `flowledger audit verify` names them")
    return Newest(None, passed)


def newest_tree(connection: Connection[Any], origin: str, keys: Sequence[Ed25519PublicKey], upto: int) -> Tree:
    """Return the tree of the furthest checkpoint over at most `upto` events whose edge is known; else an empty one."""
    for size, note, edge in _backwards(connection, _SQL.edges, upto):
        own = _own(size, note, origin, keys)
        try:
            if own and (tree := Tree(size, edge)).root() == own.root:
                return tree
        except (ValueError, TypeError):
            continue
    return Tree()


def _own(size: int, note: str, origin: str, keys: Sequence[Ed25519PublicKey]) -> Checkpoint | None:
    """Return a checkpoint as its note has it, None where that is not ours or says another size."""
    try:
        checkpoint = verify_note(note, keys)
    except NoteError:
        return None
    return checkpoint if (checkpoint.size, checkpoint.origin) == (size, origin) else None


def _backwards(connection: Connection[Any], statement: LiteralString, upto: int) -> Iterator[tuple[Any, ...]]:
    for _ in range(PAGES):
        rows = connection.execute(statement, (upto, PAGE), binary=True).fetchall()
        yield from rows
        if len(rows) < PAGE:
            return
        upto = rows[-1][0] - 1
