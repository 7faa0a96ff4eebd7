"""What an append is: a plan that is carried out under the ledger's lock, whole or not at all."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from domain.errors import Conflict, Unavailable

#: Where the ledger's size is told, once a batch.
CHANNEL = "flowledger_ledger"


class VersionConflict(Conflict):
    """A stream is not at the version that the append follows, or already has the version that it adds."""


class OutcomeUnknown(Unavailable):
    """The connection was lost while the commit was under way: the append may or may not be there."""


class Proposed(NamedTuple):
    """An event on its way in: everything but its position and time."""

    stream: UUID
    version: int
    topic: str
    state: bytes


class Statement(NamedTuple):
    """A statement on an `ops` table that is committed with the events that it belongs to."""

    sql: str
    parameters: Sequence[Any] | Mapping[str, Any]


class Plan(NamedTuple):
    """What an append adds, and what its caller wants back. Who takes a number must add an event, which bears it."""

    events: Sequence[Proposed]
    statements: Sequence[Statement] = ()
    result: Any = None


class Allotment:
    """What is given out under the lock: the time of recording, positions, ids and human numbers."""

    def __init__(self, numbers: dict[str, int], at: datetime, after: int) -> None:
        """Allot on top of the counters so far; `after` is the last position taken."""
        self._numbers = numbers
        self.taken: dict[str, int] = {}
        self.at = at
        self.after = after

    def next(self, counter: str) -> int:
        """Return the next integer of a counter, from 1; of `role+100` that of `role`, from 101."""
        name, _, base = counter.partition("+")
        value = self.taken.get(name, self._numbers.get(name, 0)) + 1
        self.taken[name] = value
        return value + int(base or 0)

    def allot(self, pattern: str) -> int | str:
        """Return what a fact's field takes: the next human number of a pattern, or the next integer of a counter."""
        return self.number(pattern) if "{" in pattern else self.next(pattern)

    def number(self, pattern: str) -> str:
        """Return the next number of a pattern such as `DEV-{year}-{n:04d}`: per year, without gap or repeat."""
        counter = pattern.partition("{n")[0].format(year=self.at.year)
        return pattern.format(year=self.at.year, n=self.next(counter))


class Receipt(NamedTuple):
    """An append that is durable: the position of its last event, when it was recorded, and its plan's result."""

    position: int
    recorded_at: datetime
    result: Any


@dataclass(slots=True)
class Append:
    """One append: whole or not at all.

    plan: makes the rows, under the lock; quick and without I/O. It may run again where the batch has to be repeated.
    expects: stream and version of each event that is not on a stream begun by this very append.
    strict: each stream must be at the version before (ours); else a version must only be free (the library's).
    """

    plan: Callable[[Allotment], Plan]
    expects: Sequence[tuple[UUID, int]] = ()
    strict: bool = True
    done: "asyncio.Future[Receipt]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def settle(self, receipt: Receipt) -> None:
        """Tell whoever waits that it is durable."""
        if not self.done.done():
            self.done.set_result(receipt)

    def fail(self, error: Exception) -> None:
        """Tell whoever waits that nothing of it was recorded, or that this is not known."""
        if not self.done.done():
            self.done.set_exception(error)
