"""POST a deviation, against bare Litestar that does one durable INSERT of the same bytes."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import httpx
import psycopg

from bench import product, web
from bench.child import memory
from bench.generator import Request, drive
from bench.history import DESCRIPTION
from bench.peers import litestar_insert
from bench.plan import Goal, Row, Sample, Side
from bench.stage import Stage

_PATH = "/api/deviations/"
_CONNECTIONS = 32
_PROCESSES = 2
BODY = json.dumps(
    {
        "title": "Balance out of calibration",
        "description": DESCRIPTION,
        "category": "EQUIPMENT",
        "classification": "MAJOR",
        "department": "Quality Control",
        "priority": "HIGH",
        "related_batch": "B24117",
    }
)


@contextmanager
def _open(stage: Stage) -> Iterator[Mapping[str, Side]]:
    peers = stage.peers()
    with psycopg.connect(peers, autocommit=True) as connection:
        connection.execute(litestar_insert.CREATE.encode())
    each = _CONNECTIONS // _PROCESSES
    with (
        product.running(stage.database("write"), _PROCESSES) as it,
        web.serving("bench.peers.litestar_insert:application", _PROCESSES, url=peers, connections=each) as bare,
    ):
        _visible_at_once(it)
        answer = httpx.post(bare + _PATH, content=BODY, trust_env=False)
        assert answer.status_code == 201, answer.text
        sides = {
            "ours": _counted(stage, Request(it.address + _PATH, "POST", it.headers, BODY), it.count, it),
            "litestar": _counted(
                stage,
                Request(bare + _PATH, "POST", {"Content-Type": "application/json"}, BODY),
                lambda: _stored(peers),
            ),
        }
        for side in sides.values():
            side()
        yield sides


def _visible_at_once(it: product.Product) -> None:
    """Assert that what was posted is in the list, asked over another connection."""
    for _ in range(20):
        made = it.http.post(_PATH, content=BODY, headers=it.headers)
        assert made.status_code == 201, made.text
        first = httpx.get(it.address + _PATH, headers=it.headers, trust_env=False).json()["results"][0]
        assert first["id"] == made.json()["id"], "what was written is not in the list"


def _counted(stage: Stage, request: Request, count: Callable[[], int], asked: product.Product | None = None) -> Side:
    """Return a side that also asserts that as many are stored as were answered; some were cut off at the end."""

    def side() -> Sample:
        before = count()
        found = drive(request, _CONNECTIONS, stage.seconds)
        if asked is not None:
            asked.settle()
        stored = count() - before
        assert found.requests <= stored <= found.requests + _CONNECTIONS, f"{stored} stored, {found.requests} answered"
        return Sample(found.rate, max(memory(pid) for pid in asked.api) if asked else 0)

    return side


def _stored(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {litestar_insert.TABLE}".encode()).fetchone()
    assert row is not None
    return int(row[0])


ROW = Row(
    name="write",
    unit="requests/s",
    how=(
        f"POST {_PATH} of {len(BODY)} bytes over {_CONNECTIONS} connections; ours with token, validation, decision, "
        "append, and the answer when the list shows it."
    ),
    sides={
        "ours": "the product, 2 API processes and a worker",
        "litestar": "bare Litestar, 2 processes with 16 connections each, one durable INSERT of the body",
    },
    goals=(Goal(what="POST a deviation, visible in the list", ours="ours", peer="litestar", at_least=0.4),),
    open=_open,
)
