"""Lists and reports at 100,000 deviations against 1,000: each asked anew after a change, so that nothing is kept."""

from collections.abc import Sequence
from statistics import median
from time import perf_counter

import psycopg

from bench import product
from bench.plan import Figure, Record
from bench.rows.read import EVENTS
from bench.rows.write import BODY
from bench.stage import Stage

_FEW, _MANY = 1_000, 100_000
#: A life cycle is of some 5.4 events.
MANY_EVENTS = 570_000
_TIMES = 21
_PAGE = 20
_GOAL = 1.5

_ASKED = {
    "first page of a list": "/api/deviations/",
    "first page of a filtered list": "/api/deviations/?status=CLOSED&department=Production",
    "monthly report": "/api/reports/deviations/?period=monthly",
    "dashboard": "/api/reports/dashboard/",
}


def _measure(stage: Stage) -> Sequence[Figure]:
    small = _milliseconds(stage, "few", EVENTS, _FEW)
    large = _milliseconds(stage, "very_many", MANY_EVENTS, _MANY)
    return [_figure(what, small[what], after) for what, after in large.items()]


def _figure(what: str, before: float, after: float) -> Figure:
    ratio = after / before
    value = f"{before:.2f} → {after:.2f} ms, {ratio:.2f} times"
    return Figure(what, value, f"≤ {_GOAL} times", ratio <= _GOAL) if "list" in what else Figure(what, value)


def _milliseconds(stage: Stage, name: str, events: int, least: int) -> dict[str, float]:
    """Return how long each answer takes, the median, each after a write that is visible."""
    database = stage.database(name, events)
    with product.running(database, 1) as it:
        with psycopg.connect(database.owner, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")  # As the server does by itself, a little later.
        assert it.count() >= least, f"only {it.count()} deviations"
        last = min(1_000, it.count() // _PAGE)
        asked = {**_ASKED, "page 1,000 of a list (the last one of the small list)": f"/api/deviations/?page={last}"}
        return {what: median(_one(it, path) for _ in range(_TIMES)) for what, path in asked.items()}


def _one(it: product.Product, path: str) -> float:
    it.http.post("/api/deviations/", content=BODY, headers=it.headers).raise_for_status()
    begun = perf_counter()
    it.http.get(path).raise_for_status()
    return (perf_counter() - begun) * 1000


RECORD = Record(
    name="growth",
    how=(
        f"one client, one request after the other, each after a write: the median of {_TIMES}, with some {_FEW:,} "
        f"deviations and with more than {_MANY:,}."
    ),
    measure=_measure,
)
