"""Which hashes prove what about a Merkle tree: RFC 6962 § 2.1.1 and § 2.1.2, apart from any storage.

A proof is a list of hashes, each that of a range of leaves. Such a range is told here by the perfect subtrees that it
falls into, left to right: all that a store must be able to give is the root of a perfect subtree, which never changes
once it is full. Only the range at a tree's right edge falls into more than one; the others are perfect themselves.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.merkle import node_hash


class Node(NamedTuple):
    """The perfect subtree over the leaves from number · 2^level on, 2^level of them; leaves are counted from 0."""

    level: int
    number: int


#: One hash of a proof: the root over these subtrees, which follow each other and get smaller.
Part = tuple[Node, ...]


def inclusion(index: int, size: int) -> list[Part]:
    """Return PATH(index, D[size]) of RFC 6962 § 2.1.1: the audit path of a leaf, from the leaf up.

    At most ⌈log2 size⌉ hashes, over at most 2 · log2 size subtrees. Raises ValueError for a leaf that the tree has not.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path = list[Part]()
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range(middle, end))
            end = middle
        else:
            path.append(_range(begin, middle))
            begin = middle
    return path[::-1]


def consistency(first: int, second: int) -> list[Part]:
    """Return PROOF(first, D[second]) of RFC 6962 § 2.1.2: that the tree of `first` leaves began that of `second`.

    At most ⌈log2 second⌉ + 1 hashes; none where both are the same. Raises ValueError unless 0 < first <= second.
    """
    if not 0 < first <= second:
        raise ValueError(f"there is no proof from a tree of {first} leaves to one of {second}")
    path = list[Part]()
    begin, end, known = 0, second, True  # known: the verifier has the root of what is left, it is that of `first`.
    while first != end:
        middle = begin + _split(end - begin)
        if first <= middle:
            path.append(_range(middle, end))
            end = middle
        else:
            path.append(_range(begin, middle))
            begin, known = middle, False
    if not known:
        path.append(_range(begin, end))
    return path[::-1]


def fold(roots: Sequence[bytes]) -> bytes:
    """Return the root over perfect subtrees that follow each other and get smaller: one hash less than there are."""
    *lefts, root = roots
    for left in reversed(lefts):
        root = node_hash(left, root)
    return root


def levels(leaves: list[bytes]) -> list[list[bytes]]:
    """Return the roots of all perfect subtrees over some leaves, by level and index; less than one hash a leaf."""
    found = [leaves]
    while len(found[-1]) > 1:
        nodes = iter(found[-1])
        # An odd one out at the end has no sibling yet: zip leaves it.
        found.append([node_hash(left, right) for left, right in zip(nodes, nodes, strict=False)])
    return found


def _split(count: int) -> int:
    """Return the largest power of two that is less than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _range(begin: int, end: int) -> Part:
    """Return the perfect subtrees of a range that RFC 6962 gives a hash: it begins where its largest one does."""
    return tuple(_perfect(begin, end))


def _perfect(begin: int, end: int) -> Iterator[Node]:
    while begin < end:
        level = (end - begin).bit_length() - 1
        yield Node(level, begin >> level)
        begin += 1 << level
