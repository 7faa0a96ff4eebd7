"""The stored leaf hashes, which are a row a batch."""

from collections.abc import Iterable

from ledger.read import LedgerDamaged

_HASH_BYTES = 32


def cut(batches: Iterable[tuple[int, bytes]], first: int, last: int) -> list[bytes]:
    """Return the leaf hashes of a range of positions out of the batches, in their order, that have any of them.

    Raises LedgerDamaged where some are missing.
    """
    begin = place = 0
    found = list[bytes]()
    for begins, hashes in batches:
        if not found:
            begin = place = begins
        if begins != place:
            break
        place += len(hashes) // _HASH_BYTES
        found.append(hashes)
    if not begin <= first <= last < place:
        raise LedgerDamaged(f"the stored leaf hashes of the events {first} to {last} are not all there")
    joined = b"".join(found)
    start, stop = (first - begin) * _HASH_BYTES, (last + 1 - begin) * _HASH_BYTES
    return [joined[at : at + _HASH_BYTES] for at in range(start, stop, _HASH_BYTES)]
