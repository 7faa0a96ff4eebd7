"""Durable appends: many callers in one process, against the library's recorder and against bare inserts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.peers import bare, library_append
from bench.plan import Goal, Row, Side
from bench.rows import stored
from bench.rows.stored import STATE, Appender
from bench.stage import Stage


@contextmanager
def _open(stage: Stage) -> Iterator[Mapping[str, Side]]:
    ledger, peers = stage.database("append").url, stage.peers()
    bare.prepare(peers)
    yield stored.sides(
        {
            "ours, 64": Appender("bench.ours:append", {"callers": 64}, ledger, "ledger.events"),
            "library": Appender("bench.peers.library_append:append", {"threads": 8}, peers, library_append.TABLE),
            "pgbench": Appender("bench.peers.bare:pgbench", {"clients": 16}, peers, bare.TABLE),
            "ours, 256": Appender("bench.ours:append", {"callers": 256}, ledger, "ledger.events"),
        },
        stage.seconds,
    )


ROW = Row(
    name="append",
    unit="appends/s",
    how=(
        f"One event of {len(STATE)} bytes on a new stream each, durable when counted, for a few seconds a side; "
        "our callers are asyncio tasks of one process on one connection."
    ),
    sides={
        "ours, 64": "our Writer, 64 callers",
        "ours, 256": "our Writer, 256 callers",
        "library": "stock PostgresApplicationRecorder, default settings, 8 threads",
        "pgbench": "pgbench, bare prepared INSERT of the same row, 16 clients",
    },
    goals=(
        Goal(what="appends, 64 callers, against the library's recorder", ours="ours, 64", peer="library", at_least=10),
        Goal(what="appends, 64 callers, against pgbench", ours="ours, 64", peer="pgbench", at_least=0.6),
        Goal(what="appends, 256 callers, against pgbench", ours="ours, 256", peer="pgbench", at_least=1),
    ),
    open=_open,
)
