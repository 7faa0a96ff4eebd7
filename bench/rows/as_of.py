"""Looking back: a detail and a list as of a time, against the present ones."""

from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from time import perf_counter

import httpx
import psycopg

from bench import product
from bench.plan import Figure, Record
from bench.rows.write import BODY
from bench.stage import Database, Stage

_TIMES = 21
_LIST = "/api/deviations/"
#: The history is appended in batches, each of one moment: spread out, every event is a moment of its own.
_SPREAD = (
    "UPDATE ledger.events SET recorded_at = timestamptz '2026-01-01Z' + position * interval '1 second'",
    "UPDATE ledger.head SET recorded_at = (SELECT max(recorded_at) FROM ledger.events)",
    "VACUUM FULL ledger.events",
    "VACUUM (ANALYZE)",
)
_PART_WAY = "SELECT recorded_at FROM ledger.events WHERE position = (SELECT size FROM ledger.head) * %s / 100"


def _measure(stage: Stage) -> Sequence[Figure]:
    database = stage.database("past", stage.events)
    with psycopg.connect(database.owner, autocommit=True) as connection:
        for statement in _SPREAD:
            connection.execute(statement)
    half = _part_way(database, 50)
    with product.running(database, 1) as it:
        one, narrowed = f"{_LIST}{it.count() // 3}/", {"status": "CLOSED", "department": "Production"}
        return [
            _figure(it, "detail, as of half way", one, {"as_of": half}),
            _figure(it, "list, as of half way", _LIST, {"as_of": half}),
            _figure(it, "list, as of near the beginning", _LIST, {"as_of": _part_way(database, 2)}),
            _figure(it, "filtered list, as of half way", _LIST, {"as_of": half}, narrowed),
            _anew(it, half),
        ]


def _part_way(database: Database, percent: int) -> str:
    """Return the time by which so much of the history was recorded."""
    with psycopg.connect(database.url) as connection:
        row = connection.execute(_PART_WAY, (percent,)).fetchone()
    assert row is not None
    return str(row[0].astimezone(UTC).isoformat())


def _figure(
    it: product.Product, what: str, path: str, then: dict[str, str], both: dict[str, str] | None = None
) -> Figure:
    now = median(_one(it, path, both or {}) for _ in range(_TIMES))
    before = median(_one(it, path, {**(both or {}), **then}) for _ in range(_TIMES))
    return Figure(f"GET {what}, against the present one", f"{now:.2f} → {before:.2f} ms, {before / now:.2f} times")


def _anew(it: product.Product, half: str) -> Figure:
    """Of the first time that a moment is asked for: its count is taken, which is kept once the ledger has passed it."""
    begun = datetime.fromisoformat(half)
    moments = [begun.replace(microsecond=number).isoformat() for number in range(_TIMES)]
    found = median(_one(it, _LIST, {"as_of": moment}) for moment in moments)
    now = median(_after_write(it) for _ in range(_TIMES))
    value = f"{now:.2f} → {found:.2f} ms, {found / now:.2f} times"
    return Figure("GET list, as of a moment never asked for, against the present one after a write", value)


def _after_write(it: product.Product) -> float:
    it.http.post(_LIST, content=BODY, headers=it.headers).raise_for_status()
    return _one(it, _LIST, {})


def _one(it: product.Product, path: str, params: dict[str, str]) -> float:
    begun = perf_counter()
    answer: httpx.Response = it.http.get(path, params=params)
    took = perf_counter() - begun
    answer.raise_for_status()
    return took * 1000


RECORD = Record(
    name="as of",
    how=(
        f"one client, one request after the other, the median of {_TIMES}: the present and, on the same ledger, a time "
        "half way through it and one near its beginning; 20 deviations on a page, with the exact count."
    ),
    measure=_measure,
)
