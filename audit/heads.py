"""Signed tree heads of a ledger, in the database and in the file outside it, side by side."""

from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import Connection

from audit.branches import Branches
from audit.report import Findings
from ledger.merkle import Tree
from ledger.note import Checkpoint, Fork, NoteError, parse_note, verify_note
from ledger.queries import queries

_SQL = queries("audit", "verify")


class SignedHeads:
    """Each checkpoint that is well signed, by size, and each fork; others are reported, and those that one side lacks.

    Of a fork the file alone has a note; the database has an event. What was abandoned is in the file only.
    """

    def __init__(
        self,
        connection: Connection[Any],
        outside: Branches | None,
        origin: str,
        keys: Sequence[Ed25519PublicKey],
        findings: Findings,
        *,
        restored: bool = False,
    ) -> None:
        """Take both sides; without `outside` only the database's are read.

        restored: the database may lack the newest; `lacking` then says which.
        """
        self._connection = connection
        self._outside = outside
        self._origin = origin
        self._keys = keys
        self._findings = findings
        self._restored = restored
        self.lacking: list[Checkpoint] = []
        self.checked = 0
        #: Those of the file, by size; None where there is no file to have any.
        self.told = None if outside is None else outside.forks

    @property
    def forks(self) -> Sequence[Fork]:
        """The forks that the ledger goes on from, by size."""
        return self.told or ()

    def __iter__(self) -> Iterator[Checkpoint | Fork]:
        """Read both sides together; two of one size come where both are well signed and differ."""
        return merge(self._checkpoints(), self.forks, key=_size)

    def _checkpoints(self) -> Iterator[Checkpoint]:
        inside, outside = self._inside(), iter(self._outside or ())
        stored, filed = next(inside, None), next(outside, None)
        while stored or filed:
            size = min(side.size for side in (stored, filed) if side)
            here = stored if stored and stored.size == size else None
            there = filed if filed and filed.size == size else None
            if stored is None and there is not None and self._restored:
                self.lacking.append(there)
                yield from self._well_signed(there, "in the file")
            else:
                yield from self._compared(size, here, there)
            stored = next(inside, None) if here else stored
            filed = next(outside, None) if there else filed

    def _compared(self, size: int, here: Checkpoint | None, there: Checkpoint | None) -> Iterator[Checkpoint]:
        self.checked += 1
        if here and there and here.note == there.note:
            yield from self._well_signed(here, "in the database and in the file")
            return
        if here is None:
            self._report(f"The checkpoint over {size} events is in the file and not in the database.")
        elif self._outside is not None:
            missing = "not in the file" if there is None else "another one in the file"
            self._report(f"The checkpoint over {size} events in the database is {missing}.")
        for side, place in ((here, "in the database"), (there, "in the file")):
            if side is not None:
                yield from self._well_signed(side, place)

    def _well_signed(self, checkpoint: Checkpoint, place: str) -> Iterator[Checkpoint]:
        what = f"The checkpoint over {checkpoint.size} events {place}"
        try:
            verify_note(checkpoint.note, self._keys)
        except NoteError as error:
            self._report(f"{what} is not good: {error}.")
        else:
            if checkpoint.origin == self._origin:
                yield checkpoint
            else:
                self._report(f"{what} is of another ledger, {checkpoint.origin}.")

    def _inside(self) -> Iterator[Checkpoint]:
        """Yield the database's checkpoints by size, read in pages."""
        after = 0
        while rows := self._connection.execute(_SQL.checkpoints, (after,), binary=True).fetchall():
            for size, note, edge in rows:
                checkpoint = self._parsed(note, f"The database's checkpoint over {size} events")
                if checkpoint and checkpoint.size == size:
                    self._check_edge(checkpoint, edge)
                    yield checkpoint
                elif checkpoint:
                    self._report(f"The database's checkpoint over {size} events says {checkpoint.size} instead.")
            after = rows[-1][0]

    def _check_edge(self, checkpoint: Checkpoint, edge: Sequence[bytes] | None) -> None:
        try:
            fits = edge is None or Tree(checkpoint.size, edge).root() == checkpoint.root
        except (ValueError, TypeError):
            fits = False
        if not fits:
            self._report(f"The edge stored with the checkpoint over {checkpoint.size} events is not that of its tree.")

    def _parsed(self, note: str, what: str) -> Checkpoint | None:
        try:
            return parse_note(note)
        except NoteError as error:
            self._report(f"{what} can't be read: {error}.")
            return None

    def _report(self, why: str) -> None:
        self._findings.add(None, why)


def _size(head: Checkpoint | Fork) -> int:
    return head.size
