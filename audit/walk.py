"""Reading the ledger from its first event to its last, and judging what was read."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from audit.heads import SignedHeads
from audit.leaves import StoredLeaves
from audit.report import MOST, Findings, Report
from ledger.merkle import Tree
from ledger.note import Checkpoint
from ledger.queries import queries
from ledger.rows import microseconds
from ledger.scan import raw_hash, scan, unix_microseconds

_SQL = queries("audit", "verify")
_WINDOW = 5000


class Head(NamedTuple):
    """What the head row says of the events."""

    size: int
    edge: list[bytes]
    recorded_at: datetime
    identity: UUID


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
    def unmet(self) -> Iterator[Checkpoint]:
        """The signed checkpoints over more events than there are."""
        while self._next is not None:
            yield self._next
            self._next = next(self._heads, None)

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
            seconds=time.perf_counter() - begun,
        )

    def _window(self) -> list[tuple[int, list[bytes]]]:
        """Read the next events; return their leaf hashes in runs without a gap, each with its first position."""
        runs: list[tuple[int, list[bytes]]] = []
        last, latest, read = self.last, self.latest, 0
        hashes: list[bytes] = []
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

    def _compare(self, checkpoint: Checkpoint) -> None:
        if checkpoint.root != self.tree.root():
            self.bad = self.bad or checkpoint.size
            self.misfits += 1
            return
        if self.bad is not None:
            why = f"The checkpoint over {self.bad} events was signed over another tree, though a later one fits."
            self._findings.add(None, why)
            self.bad = None
        self.good = checkpoint.size


def judge(walk: Walk, head: Head, findings: Findings) -> None:
    """Add what only shows at the end: a tail that is cut or grown, altered events, roots that do not fit."""
    _judge_tail(walk, head, findings)
    counted = head.size == walk.tree.size == walk.last
    try:
        fits = counted and Tree(head.size, head.edge).root() == walk.tree.root()
    except ValueError as error:
        findings.add(None, f"The head row does not hold a tree: {error}.")
        fits = False
    for position in walk.altered:
        if fits or position <= walk.good:
            why = f"The leaf hash stored for event {position} is not the event's, which fits the root."
        else:
            why = f"Event {position} is not what was recorded: its leaf hash is not the one stored with it."
        findings.add(position, why)
    findings.count += walk.altered_in_all - len(walk.altered)
    if walk.bad is not None:
        _judge_checkpoints(walk, walk.bad, findings)
    elif counted and not fits:
        _judge_head(walk, findings)


def _judge_tail(walk: Walk, head: Head, findings: Findings) -> None:
    if head.size < walk.last:
        findings.add(head.size + 1, f"Events stand beyond the head, which counts {head.size}.")
    elif head.size > walk.last:
        findings.add(walk.last + 1, f"The events end at {walk.last}; the head counts {head.size}.")
    elif walk.last and microseconds(head.recorded_at) != unix_microseconds(walk.latest):
        findings.add(None, "The head's time is not that of the last event.")
    if walk.stored.beyond(walk.last):
        findings.add(walk.last + 1, f"Leaf hashes are stored of events after {walk.last}, which is the last there is.")
    for checkpoint in walk.unmet:
        why = f"A checkpoint was signed over {checkpoint.size} events; only {walk.tree.size} are there."
        findings.add(walk.tree.size + 1, why)
    if walk.before_first():
        findings.add(None, "Events stand before position 1.")


def _judge_checkpoints(walk: Walk, bad: int, findings: Findings) -> None:
    first = walk.good + 1
    if findings.any_in(first, bad):
        findings.add(None, f"Signed checkpoints do not fit, {walk.misfits} in all, from that over {bad} events on.")
    else:
        why = (
            f"Events {first} to {bad} are not those over which a checkpoint was signed, though leaf hashes and head "
            f"agree with them; {first} is the first position that can differ."
        )
        findings.add(first, why)


def _judge_head(walk: Walk, findings: Findings) -> None:
    first, last = walk.good + 1, walk.tree.size
    if first > last:
        findings.add(None, "The head row was altered: every event fits the checkpoint over all of them.")
    elif not findings.any_in(first, last):
        why = (
            f"Events {first} to {last} and the head row do not agree: one of them was altered; "
            f"{first} is the first position that can differ."
        )
        findings.add(first, why)


def _gap(first: int, last: int) -> str:
    return f"Event {first} is missing." if first == last else f"Events {first} to {last} are missing."
