"""One caller that waits for each append, against one bare INSERT and commit after the other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.peers import bare
from bench.plan import Goal, Row, Side
from bench.rows import stored
from bench.rows.stored import Appender
from bench.stage import Stage


@contextmanager
def _open(stage: Stage) -> Iterator[Mapping[str, Side]]:
    peers = stage.peers()
    bare.prepare(peers)
    yield stored.sides(
        {
            "ours": Appender("bench.ours:append", {"callers": 1}, stage.database("append").url, "ledger.events"),
            "psycopg": Appender("bench.peers.bare:one_by_one", {}, peers, bare.TABLE),
        },
        stage.seconds,
    )


ROW = Row(
    name="one-caller",
    unit="appends/s",
    how="The same event, the next when the last is durable.",
    sides={"ours": "our Writer, one caller", "psycopg": "bare psycopg, prepared INSERT of the same row, a commit each"},
    goals=(Goal(what="appends, one caller", ours="ours", peer="psycopg", at_least=0.4),),
    open=_open,
)
