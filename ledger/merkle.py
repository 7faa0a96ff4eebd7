"""The maths of the Merkle tree of RFC 6962 § 2.1, apart from any storage.

A tree of n leaves is kept as its right edge: the roots of the perfect subtrees that n's binary digits name, largest
first. Adding a leaf costs one hash amortised; the root of n leaves costs at most log2 n.
"""

from collections.abc import Iterable
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()

LEAF_PREFIX = b"\x00"

_sha256 = sha256


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ entry)."""
    return sha256(LEAF_PREFIX + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """The right edge of a growing tree: `size` leaves, and one 32-byte hash per binary 1 of it."""

    __slots__ = ("edge", "size")

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        """Take up a tree where it stood. Raises ValueError where the edge does not fit the size."""
        self.size = size
        self.edge = list(edge)
        if len(self.edge) != size.bit_count() or any(len(digest) != 32 for digest in self.edge):
            raise ValueError(f"an edge of {len(self.edge)} hashes does not fit a tree of {size}")

    def add(self, leaf: bytes) -> None:
        """Add one leaf hash: as many node hashes as the size ends in binary ones, one on average."""
        edge, size = self.edge, self.size
        while size & 1:
            leaf = _sha256(b"\x01" + edge.pop() + leaf).digest()
            size >>= 1
        edge.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in their order: the same as `add` for each, level by level and so twice as fast."""
        nodes, size, rest = list(leaves), self.size, list[bytes]()
        self.size += len(nodes)
        while nodes:
            if size & 1:
                nodes.insert(0, self.edge.pop())
            if len(nodes) & 1:
                rest.append(nodes.pop())
            pairs = iter(nodes)
            nodes = [_sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
            size >>= 1
        self.edge += reversed(rest)

    def root(self) -> bytes:
        """Return the root: the edge folded from the right; of no leaves SHA-256 of nothing."""
        if not self.edge:
            return EMPTY_ROOT
        *lefts, root = self.edge
        for left in reversed(lefts):
            root = node_hash(left, root)
        return root

    def copy(self) -> "Tree":
        """Return a tree that grows on its own from here."""
        return Tree(self.size, self.edge)
