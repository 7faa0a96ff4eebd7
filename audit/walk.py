"""Reading the ledger from its first event to its last: what `audit/judging.py` judges."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from audit.counters import Counters
from audit.forks import FORK
from audit.heads import SignedHeads
from audit.leaves import StoredLeaves
from audit.report import MOST, Findings, Report
from ledger.merkle import Tree
from ledger.note import Checkpoint, Fork
from ledger.queries import queries
from ledger.scan import raw_hash, scan

_SQL = queries("audit", "verify")
_WINDOW = 5000


class Head(NamedTuple):
    """What the head row says of the events."""

    size: int
    edge: list[bytes]
    recorded_at: datetime
    identity: UUID
    numbers: Mapping[str, Any]


class Walk:
    """The ledger as it is: iterating reads it, a window of events at a time, and yields how many were read."""

    def __init__(self, connection: Connection[Any], signed: SignedHeads, findings: Findings) -> None:
        """Begin before the first event.

        last, latest: position and raw time of the last event read. altered: the first positions whose leaf hash is not
        the stored one. good: the size of the newest checkpoint that fits; bad: that of the first after that does not.
        """
        self._connection = connection
        self._findings = findings
        self._signed = signed
        self._heads = iter(signed)
        self._next = next(self._heads, None)
        self.stored = StoredLeaves(connection)
        self.tree = Tree()
        self.last = 0
        self.latest = 0
        self.altered: list[int] = []
        self.altered_in_all = 0
        self.good = 0
        self.bad: int | None = None
        self.misfits = 0
        #: The events that record a fork, by position, with their leaf hashes.
        self.forked: dict[int, bytes] = {}
        self.counters = Counters()
        self._bytes = 0

    def __iter__(self) -> Iterator[int]:
        """Read to the end."""
        while runs := self._window():
            for first, hashes in runs:
                differing = self.stored.differing(first, hashes)
                self.altered += differing[: MOST - len(self.altered)]
                self.altered_in_all += len(differing)
                self._grow(hashes)
            yield self.tree.size

    @property
    def unmet(self) -> Iterator[Checkpoint | Fork]:
        """The signed checkpoints over more events than there are, and the forks that kept more."""
        while self._next is not None:
            yield self._next
            self._next = next(self._heads, None)

    @property
    def forks(self) -> Sequence[Fork] | None:
        """The forks that the file tells of; None without a file."""
        return self._signed.told

    def before_first(self) -> bool:
        """Tell whether there are events at positions that no append gives."""
        return self._connection.execute(_SQL.before_first).fetchone() is not None

    def report(self, begun: float) -> Report:
        """Say what was read and found."""
        problems = self._findings.by_position()
        return Report(
            ok=not problems,
            position=problems[0].position if problems else None,
            why=problems[0].why if problems else "",
            problems=problems,
            found=self._findings.count,
            events=self.tree.size,
            bytes=self._bytes,
            root=self.tree.root().hex(),
            checkpoints=self._signed.checked,
            covered=self.good,
            uncovered=self.tree.size - self.good,
            forks=len(self.forked),
            seconds=time.perf_counter() - begun,
        )

    def _window(self) -> list[tuple[int, list[bytes]]]:
        """Read the next events; return their leaf hashes in runs without a gap, each with its first position."""
        runs: list[tuple[int, list[bytes]]] = []
        last, latest, read = self.last, self.latest, 0
        hashes: list[bytes] = []
        add = self.counters.add
        for row in scan(self._connection, last, _WINDOW):
            position, _, _, topic, state, at = row
            if position != last + 1 or not runs:
                if position != last + 1:
                    self._findings.add(last + 1, _gap(last + 1, position - 1))
                hashes = []
                runs.append((position, hashes))
            if at < latest and last:
                self._findings.add(position, f"Event {position} was recorded before the event in front of it.")
            last, latest = position, at
            read += len(topic) + len(state)
            hashes.append(raw_hash(row))
            add(topic, state)
            if topic == FORK:
                self.forked[position] = hashes[-1]
        self.last, self.latest, self._bytes = last, latest, self._bytes + read
        return runs

    def _grow(self, hashes: list[bytes]) -> None:
        """Add leaves to the tree, comparing its root wherever a checkpoint was signed."""
        start = 0
        while self._next is not None and self._next.size - self.tree.size <= len(hashes) - start:
            stop = start + self._next.size - self.tree.size
            self.tree.extend(hashes[start:stop])
            start = stop
            self._compare(self._next)
            self._next = next(self._heads, None)
        self.tree.extend(hashes[start:])

    def _compare(self, head: Checkpoint | Fork) -> None:
        if head.root != self.tree.root():
            self.bad = self.bad or head.size
            self.misfits += 1
            return
        if self.bad is not None:
            self._findings.add(
                self.good + 1,
                f"The checkpoint over {self.bad} events was signed over another tree, though a later one fits: "
                f"what differs, or was another, is among the events {self.good + 1} to {self.bad}.",
            )
            self.bad = None
        if head.note:  # One that is only proposed has none, and covers nothing.
            self.good = head.size


def _gap(first: int, last: int) -> str:
    return f"Event {first} is missing." if first == last else f"Events {first} to {last} are missing."
