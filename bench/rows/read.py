"""GET a list, against bare Litestar that serves the same bytes from memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import psycopg

from bench import product, web
from bench.child import memory
from bench.generator import Request, drive
from bench.plan import Goal, Row, Sample, Side
from bench.stage import Database, Stage

_PATH = "/api/deviations/"
_CONNECTIONS = 32
_PROCESSES = 2
#: Some thousand deviations, and twenty thousand: the exact count is of all.
EVENTS = 5_000


@contextmanager
def _open(stage: Stage) -> Iterator[Mapping[str, Side]]:
    few, many = stage.database("few", EVENTS), stage.database("history", stage.events)
    with product.running(few, _PROCESSES) as small, product.running(many, _PROCESSES) as large:
        for filled in (few, many):
            _vacuum(filled)
        content = small.http.get(_PATH).content
        file = few.data / "page.json"
        file.write_bytes(content)
        with web.serving("bench.peers.litestar_bytes:application", _PROCESSES, file=str(file)) as bare:
            answer = httpx.get(bare + _PATH, trust_env=False)
            assert answer.content == content == small.http.get(_PATH).content, "not the same bytes"
            assert len(small.http.get(_PATH).json()["results"]) == 20
            sides = {
                "ours": _side(stage, Request(small.address + _PATH, headers=small.headers), small),
                "litestar": _side(stage, Request(bare + _PATH)),
                "ours, many": _side(stage, Request(large.address + _PATH, headers=large.headers), large),
            }
            for side in sides.values():
                side()
            yield sides


def _vacuum(database: Database) -> None:
    """Leave the tables as autovacuum does, sooner or later: the count must not depend on when that was."""
    with psycopg.connect(database.owner, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _side(stage: Stage, request: Request, asked: product.Product | None = None) -> Side:
    def side() -> Sample:
        found = drive(request, _CONNECTIONS, stage.seconds)
        return Sample(found.rate, max(memory(pid) for pid in asked.api) if asked else 0)

    return side


ROW = Row(
    name="read",
    unit="requests/s",
    how=(
        f"GET {_PATH} over {_CONNECTIONS} connections, 20 deviations in some 8 KB; with a token and the exact count of "
        "about 1,000 deviations on our side (about 20,000 in the second line)."
    ),
    sides={
        "ours": "the product, 2 API processes and a worker; 1,000 deviations",
        "ours, many": "the same; 20,000 deviations",
        "litestar": "bare Litestar, 2 processes with a socket each, served as we are, the same bytes from memory",
    },
    goals=(
        Goal(what="GET list of 20, exact count of 1,000", ours="ours", peer="litestar", at_least=0.15),
        Goal(what="GET list of 20, exact count of 20,000", ours="ours, many", peer="litestar"),
    ),
    open=_open,
)
