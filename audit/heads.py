"""Signed tree heads of a ledger, in the database and in the file outside it, side by side."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import Connection

from audit.report import Findings
from ledger.note import Checkpoint, NoteError, parse_note, verify_note
from ledger.notefile import NoteFile
from ledger.queries import queries

_SQL = queries("audit", "verify")


class Outside(NamedTuple):
    """The file of checkpoints as it was at one moment: its first `size` bytes."""

    file: NoteFile
    size: int


class SignedHeads:
    """Each checkpoint that is well signed, by size; the others are reported, and those that one side lacks."""

    def __init__(
        self,
        connection: Connection[Any],
        outside: Outside | None,
        origin: str,
        keys: Sequence[Ed25519PublicKey],
        findings: Findings,
    ) -> None:
        """Take both sides; without `outside` only the database's are read."""
        self._connection = connection
        self._outside = outside
        self._origin = origin
        self._keys = keys
        self._findings = findings
        self.checked = 0

    def __iter__(self) -> Iterator[Checkpoint]:
        """Read both sides together; two of one size come where both are well signed and differ."""
        inside, outside = self._inside(), self._in_file()
        stored, filed = next(inside, None), next(outside, None)
        while stored or filed:
            size = min(side.size for side in (stored, filed) if side)
            here = stored if stored and stored.size == size else None
            there = filed if filed and filed.size == size else None
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
        while rows := self._connection.execute(_SQL.checkpoints, (after,)).fetchall():
            for size, note in rows:
                checkpoint = self._parsed(note, f"The database's checkpoint over {size} events")
                if checkpoint and checkpoint.size == size:
                    yield checkpoint
                elif checkpoint:
                    self._report(f"The database's checkpoint over {size} events says {checkpoint.size} instead.")
            after = rows[-1][0]

    def _in_file(self) -> Iterator[Checkpoint]:
        """Yield the file's checkpoints by size; one that is out of its order can't have been written by us."""
        before = 0
        for number, note in enumerate(self._outside.file.read(self._outside.size) if self._outside else (), 1):
            checkpoint = self._parsed(note, f"The file's checkpoint no. {number}")
            if checkpoint and checkpoint.size > before:
                before = checkpoint.size
                yield checkpoint
            elif checkpoint:
                self._report(f"The file's checkpoint no. {number}, over {checkpoint.size} events, is out of its order.")

    def _parsed(self, note: str, what: str) -> Checkpoint | None:
        try:
            return parse_note(note)
        except NoteError as error:
            self._report(f"{what} can't be read: {error}.")
            return None

    def _report(self, why: str) -> None:
        self._findings.add(None, why)
