"""Proofs about the tree, exhaustively over all small sizes: made by us, checked by the verifier, and by pymerkle."""

from datetime import UTC, datetime
from functools import cache
from uuid import UUID

import pytest
from pymerkle import InmemoryTree, verify_inclusion

from audit import verifier
from audit.verifier import Head, Refused, begins, root_of
from ledger.merkle import Tree, leaf_hash
from ledger.proofs import Part, consistency, fold, inclusion, levels
from ledger.rows import Row, microseconds, row_hash

SIZES = range(1, 71)
ENTRIES = [f"entry {number}".encode() for number in SIZES]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
LEVELS = levels(LEAVES)
OTHER = leaf_hash(b"another")


@cache
def hashed(part: Part) -> bytes:
    return fold([LEVELS[node.level][node.number] for node in part])


@cache
def root(size: int) -> bytes:
    tree = Tree()
    tree.extend(LEAVES[:size])
    return tree.root()


def head(size: int, digest: bytes = b"") -> Head:
    return Head("origin", size, digest or root(size), b"")


def theirs() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")  # type: ignore[no-untyped-call]
    for entry in ENTRIES:
        tree.append_entry(entry)
    return tree


def test_every_leaf_of_every_small_tree_is_proved() -> None:
    """Each inclusion proof leads the verifier to the root, with no more hashes than RFC 6962 says: ⌈log2 n⌉."""
    for size in SIZES:
        for index in range(size):
            path = [hashed(part) for part in inclusion(index, size)]
            assert root_of(LEAVES[index], index, size, path) == root(size), (index, size)
            assert len(path) <= (size - 1).bit_length()


def test_inclusion_proofs_are_those_of_an_independent_implementation() -> None:
    """Hash for hash, pymerkle makes the same proofs; and what it verifies is our leaf and our root."""
    tree = theirs()
    for size in SIZES:
        for index in range(size):
            proof = tree.prove_inclusion(index + 1, size)
            assert proof.path == [LEAVES[index], *(hashed(part) for part in inclusion(index, size))], (index, size)
            verify_inclusion(LEAVES[index], root(size), proof)


def test_every_small_tree_is_proved_to_begin_every_larger_one() -> None:
    """Each consistency proof holds between the roots that pymerkle gives, with at most ⌈log2 n⌉ + 1 hashes."""
    tree = theirs()
    for second in SIZES:
        for first in range(1, second + 1):
            path = [hashed(part) for part in consistency(first, second)]
            begins(head(first, tree.get_root(first)), head(second, tree.get_root(second)), path)
            assert len(path) <= (second - 1).bit_length() + 1


def test_no_proof_of_inclusion_holds_for_anything_else() -> None:
    """Another leaf, place, hash or length never leads to the root."""
    for size in range(1, 24):
        for index in range(size):
            path = [hashed(part) for part in inclusion(index, size)]
            for wrong_leaf, wrong_index, wrong in [
                (OTHER, index, path),
                *((LEAVES[index], other, path) for other in range(size + 1) if other != index),
                *((LEAVES[index], index, [*path[:n], OTHER, *path[n + 1 :]]) for n in range(len(path))),
                *((LEAVES[index], index, [*path[:n], *path[n + 1 :]]) for n in range(len(path))),
                *((LEAVES[index], index, [*path[:n], OTHER, *path[n:]]) for n in range(len(path) + 1)),
            ]:
                assert not leads(wrong_leaf, wrong_index, size, wrong), (index, size)


def leads(leaf: bytes, index: int, size: int, path: list[bytes]) -> bool:
    try:
        return root_of(leaf, index, size, path) == root(size)
    except Refused:
        return False


def test_no_proof_of_consistency_holds_for_anything_else() -> None:
    """Another root on either side, another hash or another length is refused."""
    for second in range(1, 24):
        for first in range(1, second + 1):
            path = [hashed(part) for part in consistency(first, second)]
            for former, latter, wrong in [
                (head(first, OTHER), head(second), path),
                (head(first), head(second, OTHER), path),
                *((head(first), head(second), [*path[:n], OTHER, *path[n + 1 :]]) for n in range(len(path))),
                *((head(first), head(second), [*path[:n], *path[n + 1 :]]) for n in range(len(path))),
                *((head(first), head(second), [*path[:n], OTHER, *path[n:]]) for n in range(len(path) + 1)),
            ]:
                with pytest.raises(Refused):
                    begins(former, latter, wrong)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (7, 3)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    """Neither is one made, nor is one checked."""
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion(index, size)
    with pytest.raises(Refused, match="beyond"):
        root_of(OTHER, index, size, [])


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (2, 1)])
def test_no_tree_begins_a_smaller_one(first: int, second: int) -> None:
    """Nor is anything said of the empty tree, which begins everything."""
    with pytest.raises(ValueError, match="no proof"):
        consistency(first, second)


def test_a_large_tree_takes_few_subtrees() -> None:
    """Of a million leaves a proof is twenty hashes, over at most forty subtrees."""
    for index in (0, 1, 4095, 4096, 777_777, 999_998, 999_999):
        path = inclusion(index, 1_000_000)
        assert len(path) <= 20
        assert sum(map(len, path)) <= 40


def test_the_verifier_hashes_a_leaf_as_the_ledger_does() -> None:
    """Its own copy of the leaf's layout is the ledger's."""
    at = datetime(2026, 1, 5, 9, 30, 0, 123456, UTC)
    row = Row(7, UUID(int=5), 3, "test.häppened", b'{"a":1}', at)
    event = verifier.Event(7, 3, row.topic, microseconds(at), row.state)
    assert verifier.leaf_hash(row.originator_id, event) == row_hash(row)
