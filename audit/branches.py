"""The file of checkpoints with its forks: which notes tell of the ledger as it goes on, and which were abandoned.

A fork keeps so many events. Every note in front of it that tells of more is abandoned, a fork before it too: the
event that recorded that one is not there any more. What is left tells of ever more events, in the file's order.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.report import Findings
from ledger.note import Checkpoint, Fork, NoteError, parse_note, tells_of_fork, verify_fork, verify_note
from ledger.notefile import NoteFile


class Abandoned:
    """The notes that one fork abandons: how many, the least and the most events they tell of, and their hash."""

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self.first = 0
        self.last = 0
        self._hash = sha256()

    def add(self, note: str, reach: int) -> None:
        """Take the next one of the file in, which tells of so many events."""
        self.count += 1
        self.first = self.first or reach
        self.last = reach
        self._hash.update(note.encode() + b"\n")

    def digest(self) -> bytes:
        """Return SHA-256 of the notes as they stand in the file, each with the empty line after it."""
        return self._hash.digest()


class Branches:
    """The file's first `size` bytes, read twice: for its forks, then note by note. Holds the forks only."""

    def __init__(
        self,
        file: NoteFile,
        size: int,
        origin: str,
        keys: Sequence[Ed25519PublicKey],
        findings: Findings,
        proposed: Fork | None = None,
    ) -> None:
        """Find the forks that are well signed. proposed: one that is judged as if its note stood at the end already."""
        self._file = file
        self._size = size
        self._origin = origin
        self._keys = keys
        self._findings = findings
        self._forks = dict[int, Fork]()
        #: The file's last note, "" where there is none.
        self.last_note = ""
        for number, note in enumerate(file.read(size), 1):
            self.last_note = note
            if tells_of_fork(note) and (fork := self._verified(number, note)):
                self._forks[number] = fork
        #: What the proposed fork would abandon.
        self.abandoned = Abandoned()
        self._left = {number: Abandoned() for number in self._forks}
        if proposed is not None:
            self._forks[_LAST] = proposed
            self._left[_LAST] = self.abandoned

    @property
    def forks(self) -> list[Fork]:
        """The forks that the ledger goes on from, by size."""
        going_on = [it for number, it in self._forks.items() if it.root and self._leaver(number, it.position) is None]
        return sorted(going_on, key=lambda fork: fork.size)

    def __iter__(self) -> Iterator[Checkpoint]:
        """Yield the checkpoints that go on, by size. One out of its order can't have been written by us: reported."""
        before = 0
        for number, note in enumerate(self._file.read(self._size), 1):
            told = self._forks.get(number) if tells_of_fork(note) else self._parsed(number, note)
            if told is None:
                continue
            if isinstance(told, Fork):
                self._judge(number, told)
            elif told.size <= before:
                what = f"The file's checkpoint no. {number}, over {told.size} events,"
                self._findings.add(None, f"{what} is out of its order.")
                continue
            before = told.size
            reach = told.position if isinstance(told, Fork) else told.size
            if (leaver := self._leaver(number, reach)) is not None:
                self._leave(leaver, told, reach)
            elif isinstance(told, Checkpoint):
                yield told

    def _leave(self, leaver: int, told: Checkpoint | Fork, reach: int) -> None:
        self._left[leaver].add(told.note, reach)
        if isinstance(told, Checkpoint):
            what = f"The file's checkpoint over {told.size} events, which was abandoned,"
            try:
                origin = verify_note(told.note, self._keys).origin
            except NoteError as error:
                self._findings.add(None, f"{what} is not good: {error}.")
            else:
                if origin != self._origin:
                    self._findings.add(None, f"{what} is of another ledger, {origin}.")

    def _leaver(self, number: int, reach: int) -> int | None:
        """Return the number of the fork that abandons the note no. `number`, which tells of `reach` events."""
        return next((at for at, fork in self._forks.items() if at > number and fork.size < reach), None)

    def _judge(self, number: int, fork: Fork) -> None:
        left = self._left[number]
        if not left.count or left.digest() != fork.abandoned:
            why = "The checkpoints that were abandoned for it are not those in front of it in the file."
            self._findings.add(None, f"{_what(number, fork)}: {why}")

    def _verified(self, number: int, note: str) -> Fork | None:
        try:
            fork = verify_fork(note, self._keys)
        except NoteError as error:
            self._findings.add(None, f"The file's note no. {number}, of a fork, is not good: {error}.")
            return None
        if fork.origin == self._origin:
            return fork
        self._findings.add(None, f"{_what(number, fork)} is of another ledger, {fork.origin}.")
        return None

    def _parsed(self, number: int, note: str) -> Checkpoint | None:
        try:
            return parse_note(note)
        except NoteError as error:
            self._findings.add(None, f"The file's checkpoint no. {number} can't be read: {error}.")
            return None


#: Behind every note that a file holds.
_LAST = 1 << 62


def _what(number: int, fork: Fork) -> str:
    return f"The file's note no. {number}, of the fork at event {fork.position}"
