"""Acknowledging that a backup was restored."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from audit.restored import Restored
from flowledger.acknowledging import Acknowledged, NothingToAcknowledge, look
from flowledger.acknowledging import acknowledge as record
from flowledger.cli.common import Data, Json, Unaskable, answer, migrated, progress, settings_of
from ledger.keys import Keys


def acknowledge(
    *,
    reason: Annotated[str, Parameter(help="Why; it is kept for ever.")],
    yes: Annotated[bool, Parameter(help="Do not ask again.", negative="")] = False,
    data: Data = None,
    json: Json = False,
) -> int:
    """Record that a backup was restored: the events that were signed and are not there any more are lost, lawfully.

    Only an older copy of the ledger, whole, is acknowledged. It verifies from then on, and the fork is told for ever.
    """
    settings = settings_of(data)
    keys = Keys(settings.keys)
    if not reason.strip():
        raise Unaskable("--reason says why: it can not be empty.")
    with migrated(settings) as base:
        try:
            found = _look(base.url, keys, settings.checkpoints)
        except NothingToAcknowledge as nothing:
            print(f"flowledger: {nothing}", file=sys.stderr)
            return 1
        if not yes:
            _confirm(found)
        done = record(base.url, keys, settings.checkpoints, found, reason)
    answer(done, _text(done), as_json=json)
    return 0


def _look(url: str, keys: Keys, file: Path) -> Restored:
    with progress("verify") as bar:
        return look(url, keys, file, lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total))


def _confirm(found: Restored) -> None:
    """Ask whoever sits there. Raises Unaskable where nobody does, or it is not wanted."""
    print("\n".join(_told(found)), file=sys.stderr)
    if found.recorded is not None:
        print(
            f"event {found.kept + 1:,} records this already, with its own reason: only the note is missing",
            file=sys.stderr,
        )
    if not sys.stdin.isatty():
        raise Unaskable("Nothing was acknowledged: say --yes, or ask at a terminal.")
    print(f"This is recorded for ever. Type {found.kept} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != str(found.kept):
        raise Unaskable("Nothing was acknowledged.")


def _told(found: Restored | Acknowledged) -> list[str]:
    lost = f"signed up to event {found.last_abandoned:,}; what was recorded after event {found.kept:,} is lost"
    lines = [f"the ledger holds {found.kept:,} events, and was {lost}"]
    lines.append(f"abandoned: {found.abandoned:,} checkpoints, over {found.first_abandoned:,} events and more")
    if found.covered < found.kept:
        rest = f"events {found.covered + 1:,} to {found.kept:,} rest on the database alone"
        lines.append(f"a signed checkpoint covers the first {found.covered:,} events; {rest}")
    return lines


def _text(done: Acknowledged) -> str:
    return "\n".join([f"acknowledged: the fork is event {done.position:,}, and noted in the file", *_told(done)])
