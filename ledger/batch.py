"""A batch of appends on top of a locked head: planned, checked and hashed, without I/O.

Each append is planned on what those before it add. One that is refused takes nothing with it: no number, no position.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from ledger.append import Allotment, Append, Plan, Receipt, Statement, VersionConflict
from ledger.merkle import Tree
from ledger.rows import Row, row_hash

StreamVersion = tuple[UUID, int]


class Head(NamedTuple):
    """The head row as it was locked: the tree, the time of this batch, and the counters."""

    size: int
    edge: Sequence[bytes]
    at: datetime
    numbers: dict[str, int]


class Batch:
    """What a batch adds to the ledger."""

    def __init__(self, head: Head, taken: set[StreamVersion]) -> None:
        """Begin on a head; `taken` are those of the expected versions, and the ones before them, that are there."""
        self.head = head
        self.tree = Tree(head.size, head.edge)
        self.numbers = dict(head.numbers)
        self.rows: list[Row] = []
        self.leaves: list[bytes] = []
        self.statements: list[Statement] = []
        self._taken = taken
        self._planned: list[tuple[Append, Receipt]] = []
        self._refused: list[tuple[Append, Exception]] = []

    def __bool__(self) -> bool:
        """Tell whether anything is to be stored."""
        return bool(self._planned)

    def add(self, append: Append) -> None:
        """Plan an append. Whatever its plan or its versions raise is kept for its caller."""
        allotment = Allotment(self.numbers, self.head.at, self.tree.size)
        try:
            _check_versions(append, self._taken)
            plan = append.plan(allotment)
            rows, leaves = self._made(plan, allotment)
        except Exception as error:  # noqa: BLE001 - told to the caller, whatever a plan raises
            self._refused.append((append, error))
            return
        self.numbers.update(allotment.taken)
        for leaf in leaves:
            self.tree.add(leaf)
        self.rows += rows
        self.leaves += leaves
        self.statements += plan.statements
        self._taken.update((event.stream, event.version) for event in plan.events)
        self._planned.append((append, Receipt(self.tree.size, self.head.at, plan.result)))

    def settle(self) -> None:
        """Tell every caller what became of its append, once the batch is durable."""
        for append, error in self._refused:
            append.fail(error)
        for append, receipt in self._planned:
            append.settle(receipt)

    def _made(self, plan: Plan, allotment: Allotment) -> tuple[list[Row], list[bytes]]:
        if allotment.taken and not plan.events:
            raise ValueError("a number was taken for no event")
        for event in plan.events:
            _check_storable(event)
        rows = [Row(place, *event, self.head.at) for place, event in enumerate(plan.events, self.tree.size + 1)]
        return rows, [row_hash(row) for row in rows]


def _check_storable(event: Any) -> None:
    """Refuse what the columns can't hold: sent on, it would fail the whole batch."""
    fits = isinstance(event.stream, UUID) and isinstance(event.version, int) and 0 <= event.version < 2**63
    if not fits or not isinstance(event.topic, str) or not isinstance(event.state, bytes):
        raise TypeError(f"{event.topic!r} is no event that can be stored, at version {event.version!r}.")


def asked_versions(appends: Sequence[Append]) -> list[StreamVersion]:
    """Return the stream versions whose presence decides about appends: the expected ones, and those before them."""
    return list(
        {
            pair
            for append in appends
            for stream, version in append.expects
            for pair in ((stream, version), (stream, version - 1))
        }
    )


def _check_versions(append: Append, taken: set[StreamVersion]) -> None:
    mine = set[StreamVersion]()
    for stream, version in append.expects:
        if (stream, version) in taken or (stream, version) in mine:
            raise VersionConflict(f"Version {version} of {stream} is there already.")
        before = (stream, version - 1)
        if append.strict and version > 1 and before not in taken and before not in mine:
            raise VersionConflict(f"Version {version - 1} of {stream} is not there yet.")
        mine.add((stream, version))
