"""Roots of the tree's perfect subtrees, made from the leaf hashes that are stored a row a batch.

The first proof of a process over n events reads n leaf hashes and makes as many: about a second a million. The roots
of whole chunks of 2^12 leaves never change and are kept, 8 bytes an event in a thousand; from then on a proof reads the
chunk of its event and the last, unfinished one.

A proof of k events costs at most 4096 hashes and 128 KiB read for each chunk that they lie in, some 5 ms, and never for
more chunks than k + 1, one after the other. The inner hashes of the last 16 chunks are kept, some 8 MiB in all.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Any

from psycopg import AsyncConnection

from ledger.leaves import cut
from ledger.proofs import Node, Part, fold, levels
from ledger.queries import queries

_SQL = queries("ledger", "proofs")
_CHUNK_LEVEL = 12
_CHUNK = 1 << _CHUNK_LEVEL
#: Chunks that are read at once while their roots are not known yet: 2 MiB of leaf hashes.
_PAGE_CHUNKS = 16
#: Chunks of which every inner hash is kept: half a MiB each.
_KEPT_CHUNKS = 16


class Subtrees:
    """The perfect subtrees of one ledger. Safe to use from several tasks; keeps 32 bytes for every 4096 events."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._chunks: list[bytes] = []
        #: The inner hashes of chunks by their first and last position, those used last at the end.
        self._inner = OrderedDict[tuple[int, int], list[list[bytes]]]()
        self._reading = asyncio.Lock()

    def forget(self) -> None:
        """Make everything anew from what is stored: for whoever found that what is known leads nowhere."""
        self._chunks = []
        self._inner.clear()

    async def hashes(self, connection: AsyncConnection[Any], size: int, parts: Iterable[Part]) -> dict[Part, bytes]:
        """Return the hashes of parts of proofs over the first `size` events.

        Raises LedgerDamaged where stored leaf hashes are missing. Whether they are right, the root tells that the proof
        leads to.
        """
        wanted = set(parts)
        below, above = defaultdict[int, list[Node]](list), list[Node]()
        for node in {node for part in wanted for node in part}:
            if node.level < _CHUNK_LEVEL:
                below[node.number >> (_CHUNK_LEVEL - node.level)].append(node)
            else:
                above.append(node)
        roots = await self._above(connection, above)
        for chunk, nodes in sorted(below.items()):
            roots |= await self._inside(connection, size, chunk, nodes)
        return {part: fold([roots[node] for node in part]) for part in wanted}

    async def _above(self, connection: AsyncConnection[Any], nodes: list[Node]) -> dict[Node, bytes]:
        """Return the roots of subtrees of whole chunks."""
        ends = [(node.number + 1) << (node.level - _CHUNK_LEVEL) for node in nodes]
        async with self._reading:
            known = await self._known(connection, max(ends, default=0))
        made = await asyncio.to_thread(levels, known)
        return {node: made[node.level - _CHUNK_LEVEL][node.number] for node in nodes}

    async def _known(self, connection: AsyncConnection[Any], count: int) -> list[bytes]:
        """Return the roots of the first so many chunks; those that are not known yet are made, a page at a time."""
        known = self._chunks
        while len(known) < count:
            begin, end = len(known), min(len(known) + _PAGE_CHUNKS, count)
            leaves = await _leaves(connection, begin * _CHUNK + 1, end * _CHUNK)
            known += await asyncio.to_thread(_chunk_roots, leaves)
        return known[:count]

    async def _inside(
        self, connection: AsyncConnection[Any], size: int, chunk: int, nodes: list[Node]
    ) -> dict[Node, bytes]:
        """Return the roots of subtrees inside one chunk, which may be the last, unfinished one."""
        begin = chunk * _CHUNK
        place = begin + 1, min(begin + _CHUNK, size)
        made = self._inner.pop(place, None)
        if made is None:
            made = await asyncio.to_thread(levels, await _leaves(connection, *place))
        self._inner[place] = made
        while len(self._inner) > _KEPT_CHUNKS:
            self._inner.popitem(last=False)
        return {node: made[node.level][node.number - (begin >> node.level)] for node in nodes}


def _chunk_roots(leaves: list[bytes]) -> list[bytes]:
    return levels(leaves)[_CHUNK_LEVEL]


async def _leaves(connection: AsyncConnection[Any], first: int, last: int) -> list[bytes]:
    """Return the stored leaf hashes of a range of positions."""
    cursor = await connection.execute(_SQL.leaves, {"first": first, "last": last}, prepare=True, binary=True)
    return cut(await cursor.fetchall(), first, last)
