"""Whether the tree as it is goes on from what was signed: no second history is ever signed."""

from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import Connection

from ledger.leaves import cut
from ledger.merkle import Tree
from ledger.note import Checkpoint, Fork
from ledger.queries import queries
from ledger.read import LedgerDamaged
from ledger.stored import newest_tree

_LEAVES = queries("ledger", "proofs")
#: How many leaf hashes are read at once: 2 MiB.
_PAGE = 1 << 16


class Diverged(LedgerDamaged):
    """The tree is not the one that was signed, gone on: events were altered, or the database was set back."""


def gone_on(
    connection: Connection[Any],
    origin: str,
    keys: Sequence[Ed25519PublicKey],
    signed: Sequence[Checkpoint | Fork],
    size: int,
    edge: Sequence[bytes],
) -> dict[int, Tree]:
    """Return the tree of the stored leaf hashes as it was at each size that was signed, and as it is; by size.

    signed: by size. size, edge: what the head row holds. Costs a hash for every event since the furthest checkpoint
    before them whose edge is stored; earlier versions stored none. Raises Diverged unless the tree goes on from each of
    them, LedgerDamaged where leaf hashes are missing.
    """
    tree = newest_tree(connection, origin, keys, signed[0].size if signed else 0)
    found = dict[int, Tree]()
    for it in signed:
        _reach(connection, tree, it.size)
        found[it.size] = tree.copy()
        if tree.root() != it.root:
            raise Diverged(f"the first {it.size} events are not those that were signed")
        if isinstance(it, Fork) and _leaves(connection, it.position, it.position) != [it.leaf]:
            raise Diverged(f"event {it.position} is not the one that acknowledges the fork")
    _reach(connection, tree, size)
    if tree.edge != edge:
        raise Diverged("the stored leaf hashes do not lead to the head")
    return {**found, size: tree}


def _reach(connection: Connection[Any], tree: Tree, size: int) -> None:
    """Let a tree grow to a size, by the stored leaf hashes."""
    while tree.size < size:
        first, last = tree.size + 1, min(tree.size + _PAGE, size)
        tree.extend(_leaves(connection, first, last))


def _leaves(connection: Connection[Any], first: int, last: int) -> list[bytes]:
    """Return the stored leaf hashes of a range of positions."""
    return cut(connection.execute(_LEAVES.leaves, {"first": first, "last": last}, binary=True), first, last)
