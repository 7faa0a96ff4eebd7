"""`python -m bench [ROW…]`: measure all rows, or those named, print the table, and write `docs/benchmarks.md`."""

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from bench import machine, table
from bench.measure import run, say
from bench.plan import Measured, Record, Recorded, Row
from bench.rows import ALL
from bench.stage import Stage, open_stage

_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def _asked() -> argparse.Namespace:
    names = [row.name for row in ALL]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(names)}; all without any")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each side")
    parser.add_argument("--seconds", type=float, default=4.0, help="of a sample that is taken by time")
    parser.add_argument("--events", type=int, default=100_000, help="in the ledger that is rebuilt and verified")
    parser.add_argument("--page", type=Path, help=f"where the page goes; {_PAGE.name} where all rows are measured")
    asked = parser.parse_args()
    unknown = set(asked.rows) - set(names)
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return asked


def main() -> None:
    """Measure."""
    asked = _asked()
    begun, before = time.monotonic(), machine.load()
    with open_stage(asked.rounds, asked.seconds, asked.events) as stage:
        facts = machine.facts(stage)
        results, failed = _measured([row for row in ALL if not asked.rows or row.name in asked.rows], stage)
    took = time.monotonic() - begun
    table.show(results)
    say(f"{took:.0f} s")
    if failed:
        sys.exit(f"NOT measured, and so nothing is written: {', '.join(failed)}")
    page = asked.page or (None if asked.rows else _PAGE)
    if page is not None:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(table.page(results, facts, asked, before, took))


def _measured(rows: Sequence[Row | Record], stage: Stage) -> tuple[list[Measured | Recorded], list[str]]:
    """Measure rows; return what came of them, and the names of those that failed: the others are worth telling."""
    results: list[Measured | Recorded] = []
    failed: list[str] = []
    for row in rows:
        try:
            results.append(run(row, stage))
        except Exception:  # noqa: BLE001 - the others are measured all the same
            traceback.print_exc()
            failed.append(row.name)
    return results, failed


if __name__ == "__main__":
    main()
