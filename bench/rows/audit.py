"""Verifying the ledger, against reading the same rows and hashing them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.child import call
from bench.plan import Goal, Row, Sample, Side
from bench.stage import Stage


@contextmanager
def _open(stage: Stage) -> Iterator[Mapping[str, Side]]:
    ledger = stage.database("history", stage.events)
    keys, file = str(ledger.data / "keys"), str(ledger.data / "checkpoints.log")

    def ours() -> dict[str, Any]:
        return call("bench.ours:audit", url=ledger.url, keys=keys, file=file)

    def peer(how: str) -> dict[str, Any]:
        return call(f"bench.peers.hashing:{how}", url=ledger.url)

    read = [(done["events"], done["bytes"]) for done in (ours(), peer("raw"), peer("plain"))]
    assert read.count(read[0]) == len(read), "not the same bytes"
    yield {
        "ours": lambda: Sample((done := ours())["rate"], done["memory"]),
        "raw": lambda: Sample((done := peer("raw"))["rate"], done["memory"]),
        "plain": lambda: Sample((done := peer("plain"))["rate"], done["memory"]),
    }


ROW = Row(
    name="audit",
    unit="events/s",
    how="All events of a ledger of 100,000 events of deviations, appended some fifty at a time, with one checkpoint.",
    sides={
        "ours": "audit.verify: rows, leaf hashes, tree, checkpoints",
        "raw": "SELECT of the same rows, read as raw as ours, and one SHA-256 each",
        "plain": "SELECT of the same rows, as Python's objects, and one SHA-256 each",
    },
    goals=(
        Goal(what="audit verify, against SELECT (raw) and hashlib", ours="ours", peer="raw", at_least=0.5),
        Goal(what="audit verify, against SELECT (plain psycopg) and hashlib", ours="ours", peer="plain", at_least=0.5),
    ),
    open=_open,
)
