"""The tree, against an independent implementation, exhaustively over all small sizes."""

from hashlib import sha256

import pytest
from pymerkle import InmemoryTree

from ledger.merkle import EMPTY_ROOT, Tree, leaf_hash, node_hash

SIZES = range(131)
ENTRIES = [f"entry {number}".encode() for number in SIZES]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def tree_of(leaves: list[bytes]) -> Tree:
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree


def test_root_of_nothing() -> None:
    """The empty tree's root is SHA-256 of nothing, as RFC 6962 has it."""
    assert Tree().root() == EMPTY_ROOT == sha256(b"").digest()


def test_leaf_and_node_are_set_apart() -> None:
    """A leaf is hashed behind a 0x00 and a node behind a 0x01, so that neither can pass for the other."""
    assert leaf_hash(b"ab") == sha256(b"\x00ab").digest()
    assert node_hash(b"a", b"b") == sha256(b"\x01ab").digest()


def test_every_small_tree_has_the_root_of_an_independent_implementation() -> None:
    """At each size from 1 on, the growing tree's root is pymerkle's."""
    theirs, ours = InmemoryTree(algorithm="sha256"), Tree()  # type: ignore[no-untyped-call]
    for size, entry in enumerate(ENTRIES, 1):
        theirs.append_entry(entry)
        ours.add(leaf_hash(entry))
        assert ours.root() == theirs.get_root(size)


def test_every_single_leaf_change_changes_the_root() -> None:
    """No leaf of any small tree can change alone without the root telling."""
    other = leaf_hash(b"another")
    for size in SIZES:
        root = tree_of(LEAVES[:size]).root()
        for changed in range(size):
            leaves = [*LEAVES[:changed], other, *LEAVES[changed + 1 : size]]
            assert tree_of(leaves).root() != root, (size, changed)


def test_tree_goes_on_from_size_and_edge() -> None:
    """Size and edge are all that has to be kept: the tree taken up from them grows as if it had never been away."""
    for size in SIZES:
        before = tree_of(LEAVES[:size])
        after = Tree(before.size, before.edge)
        assert after.root() == before.root()
        after.add(LEAVES[0])
        assert after.root() == tree_of([*LEAVES[:size], LEAVES[0]]).root(), size
        assert before.size == size


def test_extend_is_adding_each() -> None:
    """Leaves added together, from any size to any other, give the tree of adding them one by one."""
    for size in SIZES:
        whole = tree_of(LEAVES[:size])
        for start in range(size + 1):
            tree = tree_of(LEAVES[:start])
            tree.extend(LEAVES[start:size])
            assert (tree.size, tree.edge) == (whole.size, whole.edge), (start, size)


@pytest.mark.parametrize(("size", "edge"), [(1, []), (0, [b"x" * 32]), (3, [b"x" * 32]), (1, [b"short"])])
def test_an_edge_that_does_not_fit_is_refused(size: int, edge: list[bytes]) -> None:
    """A tree is never taken up from an edge that no tree of that size has."""
    with pytest.raises(ValueError, match="does not fit"):
        Tree(size, edge)


def test_a_copy_grows_on_its_own() -> None:
    """Growing a copy leaves the original as it was."""
    tree = tree_of(LEAVES[:5])
    tree.copy().add(LEAVES[5])
    assert tree.root() == tree_of(LEAVES[:5]).root()
