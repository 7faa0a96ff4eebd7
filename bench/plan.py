"""What a row of the table is: sides that are measured in turn, and goals on their ratios. Rows are data."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bench.stage import Stage


class Sample(NamedTuple):
    """One side, once: how much a second, and the largest memory of the processes that did it (0: not looked at)."""

    rate: float
    memory: int = 0


Side = Callable[[], Sample]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A line of the table: two sides, and the ratio of the first to the second that is wanted (None: recorded)."""

    what: str
    ours: str
    peer: str
    at_least: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """A measurement of several sides in turn.

    open: readies the sides and asserts that they do the same work; what it starts ends with it. how: one sentence.
    sides: what each is, in words.
    """

    name: str
    unit: str
    how: str
    sides: Mapping[str, str]
    goals: Sequence[Goal]
    open: Callable[["Stage"], AbstractContextManager[Mapping[str, Side]]]


class Figure(NamedTuple):
    """A figure that stands alone: `met` None where it is recorded and not asserted."""

    what: str
    value: str
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """A measurement without a peer."""

    name: str
    how: str
    measure: Callable[["Stage"], Sequence[Figure]]


@dataclass(frozen=True)
class Measured:
    """A row's samples, side by side, round by round."""

    row: Row
    samples: Mapping[str, list[Sample]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Recorded:
    """A record's figures."""

    record: Record
    figures: Sequence[Figure]
