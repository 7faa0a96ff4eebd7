"""Comparing events with the leaf hashes that were stored beside them."""

from typing import Any

from psycopg import Connection

from ledger.queries import queries

_SQL = queries("audit", "verify")
_HASH_BYTES = 32


class StoredLeaves:
    """The stored leaf hashes, read along with the events; holds a window's worth of them."""

    def __init__(self, connection: Connection[Any]) -> None:
        """Begin at the first position."""
        self._connection = connection
        self._held: list[tuple[int, bytes]] = []  # First position of a batch, and its hashes in one piece.
        self._asked = 0

    def differing(self, first: int, hashes: list[bytes]) -> list[int]:
        """Return the positions from `first` on whose stored leaf hash is not the one given, or is not there."""
        last = first + len(hashes) - 1
        rows = self._connection.execute(_SQL.leaves, (self._asked, last), binary=True, prepare=True)
        self._held += rows.fetchall()
        self._asked = last
        differing = [] if self._joined(first, last) == b"".join(hashes) else self._one_by_one(first, hashes)
        self._held = [held for held in self._held[-1:] if _end(held) > last + 1]
        return differing

    def beyond(self, last: int) -> bool:
        """Tell whether leaf hashes are stored of positions after the last one compared."""
        return bool(self._held) or self._connection.execute(_SQL.leaves_after, (last,)).fetchone() is not None

    def _joined(self, first: int, last: int) -> bytes:
        """Return the stored hashes of a range where its batches follow each other as they should, else nothing."""
        if not self._held or self._held[0][0] > first:
            return b""
        start = place = self._held[0][0]
        for begin, hashes in self._held:
            if begin != place:
                return b""
            place += len(hashes) // _HASH_BYTES
        joined = b"".join([hashes for _, hashes in self._held])
        return joined[(first - start) * _HASH_BYTES : (last + 1 - start) * _HASH_BYTES]

    def _one_by_one(self, first: int, hashes: list[bytes]) -> list[int]:
        stored = {
            begin + offset: batch[offset * _HASH_BYTES : (offset + 1) * _HASH_BYTES]
            for begin, batch in self._held
            for offset in range(len(batch) // _HASH_BYTES)
        }
        return [position for position, leaf in enumerate(hashes, first) if stored.get(position) != leaf]


def _end(batch: tuple[int, bytes]) -> int:
    return batch[0] + len(batch[1]) // _HASH_BYTES
