"""Measuring: sides in turn, A B A B …, so that whatever else the machine does falls on all of them alike."""

import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from bench.plan import Goal, Measured, Record, Recorded, Row, Sample, Side
from bench.stage import Stage


class Spread(NamedTuple):
    """A figure over all rounds."""

    middle: float
    least: float
    most: float


class Line(NamedTuple):
    """A goal as it was measured; `met` None where none was set."""

    goal: Goal
    ours: Spread
    peer: Spread
    ratio: Spread
    met: bool | None


def run(one: Row | Record, stage: Stage) -> Measured | Recorded:
    """Measure a row, or take a record's figures."""
    say(f"{one.name}: {one.how}")
    if isinstance(one, Record):
        return Recorded(one, list(one.measure(stage)))
    with one.open(stage) as sides:
        return Measured(one, in_turn(sides, stage.rounds))


def in_turn(sides: Mapping[str, Side], rounds: int) -> dict[str, list[Sample]]:
    """Return each side's samples, taken in turn."""
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for number in range(1, rounds + 1):
        for name, side in sides.items():
            samples[name].append(side())
            say(f"  {number}/{rounds} {name}: {samples[name][-1].rate:,.0f}")
    return samples


def lines(measured: Measured) -> list[Line]:
    """Return a row's goals with what was measured; each ratio is that of one round, then the middle of those."""
    return [_line(goal, measured.samples[goal.ours], measured.samples[goal.peer]) for goal in measured.row.goals]


def spread(values: Sequence[float]) -> Spread:
    """Return the median and both ends."""
    return Spread(median(values), min(values), max(values))


def say(text: str) -> None:
    """Tell whoever waits how far it has come."""
    print(text, file=sys.stderr, flush=True)


def _line(goal: Goal, ours: Sequence[Sample], peers: Sequence[Sample]) -> Line:
    ratio = spread([our.rate / peer.rate for our, peer in zip(ours, peers, strict=True)])
    met = None if goal.at_least is None else ratio.middle >= goal.at_least
    return Line(goal, spread([one.rate for one in ours]), spread([one.rate for one in peers]), ratio, met)
