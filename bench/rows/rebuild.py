"""Rebuilding the deviations' read model, against the library's runner."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from bench.child import call
from bench.peers.library_projection import VIEW
from bench.plan import Goal, Row, Sample, Side
from bench.stage import Database, Stage

#: The peer is measured on fewer: its rate does not depend on how many there are, and it would take minutes.
_PEER_DEVIATIONS = 400


@contextmanager
def _open(stage: Stage) -> Iterator[Mapping[str, Side]]:
    ledger, peers = stage.database("history", stage.events), stage.peers()
    keys = str(ledger.data / "keys")

    def ours() -> Sample:
        done = call("bench.ours:rebuild_deviations", url=ledger.url, keys=keys)
        assert done["events"] == stage.events
        return Sample(done["rate"], done["memory"])

    ours()
    filled = call(
        "bench.peers.library_projection:fill", url=peers, ledger=ledger.url, keys=keys, deviations=_PEER_DEVIATIONS
    )["events"]

    def peer() -> Sample:
        done = call("bench.peers.library_projection:project", url=peers, events=filled)
        return Sample(done["rate"], done["memory"])

    peer()
    _same(ledger, peers)
    yield {"ours": ours, "library": peer}


def _same(ledger: Database, peers: str) -> None:
    """Assert that both views hold the same deviations, in the same states."""
    columns = "id, number, version, status, department"
    mine = _rows(ledger.url, f"SELECT {columns} FROM views.deviations WHERE id <= {_PEER_DEVIATIONS} ORDER BY id")
    theirs = _rows(peers, f"SELECT {columns} FROM {VIEW} ORDER BY id")
    assert mine, "there are no deviations"
    assert mine == theirs, "the views differ"


def _rows(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


ROW = Row(
    name="rebuild",
    unit="events/s",
    how=(
        "100,000 events, some five a deviation, from `rebuild` being called until the new table is live; the peer from "
        f"nothing over the events of the first {_PEER_DEVIATIONS} deviations."
    ),
    sides={
        "ours": "projections.rebuild of the deviations, one process",
        "library": "stock ProjectionRunner, one row an event",
    },
    goals=(Goal(what="rebuild of the deviations", ours="ours", peer="library", at_least=25),),
    open=_open,
)
