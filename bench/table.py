"""The table, on the terminal and as a page of the documents."""

import argparse
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from bench.measure import Line, Spread, lines
from bench.plan import Measured, Recorded

Result = Measured | Recorded
_TIMES = "×"  # noqa: RUF001 - it is meant
_COLUMNS = ("what", "ours", "peer or ceiling", "ratio", "spread", "goal", "")


def show(results: Sequence[Result]) -> None:
    """Print the table."""
    shown = Table(*_COLUMNS)
    for row in _rows(results):
        shown.add_row(*row)
    Console(width=160).print(shown)


def page(results: Sequence[Result], facts: Mapping[str, str], asked: argparse.Namespace, load: str, took: float) -> str:
    """Return the page."""
    about = (
        "Written by `make bench`; every figure is of one run. Each side is measured in turn on the same PostgreSQL, "
        f"{asked.rounds} rounds of A B A B …; figures are medians, a ratio is the median of the rounds' ratios, the "
        "spread its least and greatest. Ours and peers run on the same cores as the load generator and the server."
    )
    parts = [
        "# Benchmarks",
        "",
        about,
        "",
        _markdown(_COLUMNS, _rows(results)),
        "",
        "## How each was measured",
        "",
        *(_described(result) for result in results),
        "## The machine",
        "",
        _markdown(("", ""), [*facts.items(), ("load before the run", load), ("the run took", f"{took:.0f} s")]),
        "",
    ]
    return "\n".join(parts)


def _rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for result in results:
        if isinstance(result, Recorded):
            rows += [(it.what, it.value, "", "", "", it.goal, _verdict(it.met)) for it in result.figures]
        else:
            rows += [_row(line, result) for line in lines(result)]
    return rows


def _row(line: Line, measured: Measured) -> tuple[str, ...]:
    unit, goal = measured.row.unit, line.goal
    return (
        goal.what,
        f"{_short(line.ours.middle)} {unit}",
        f"{_short(line.peer.middle)} {unit}",
        f"{_short(line.ratio.middle)} {_TIMES}",
        f"{_short(line.ratio.least)} to {_short(line.ratio.most)}",
        "" if goal.at_least is None else f"≥ {goal.at_least:g} {_TIMES}",
        _verdict(line.met),
    )


def _described(result: Result) -> str:
    if isinstance(result, Recorded):
        return f"**{result.record.name}**: {result.record.how}\n"
    row = result.row
    sides = [
        (row.sides[name], f"{_spread([one.rate for one in samples])} {row.unit}", _memory(result, name))
        for name, samples in result.samples.items()
    ]
    return f"**{row.name}**: {row.how}\n\n{_markdown(('side', 'median (least to most)', 'peak memory'), sides)}\n"


def _spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    found = Spread(ordered[len(ordered) // 2], ordered[0], ordered[-1])
    return f"{_short(found.middle)} ({_short(found.least)} to {_short(found.most)})"


def _memory(measured: Measured, name: str) -> str:
    most = max(one.memory for one in measured.samples[name])
    return f"{most / 1024**2:.0f} MiB" if most else ""


def _verdict(met: bool | None) -> str:  # noqa: FBT001
    return {None: "recorded", True: "met", False: "NOT met"}[met]


def _short(value: float) -> str:
    """Return a number with three digits that say something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])
