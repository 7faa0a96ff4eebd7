"""Is it alive, and is it ready: for load balancers and operators."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import psycopg
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from psycopg_pool import PoolTimeout

from api.doors import Doors
from ledger.queries import queries
from projections.status import ProjectionStatus, status

_SQL = queries("api", "doors")
_LAG = 10_000
_KEPT_SECONDS = 1.0

Checks = dict[str, dict[str, Any]]


class Kept:
    """What was found, for a second: however many ask, one at a time looks, and takes one connection."""

    def __init__(self, look: Callable[[], Awaitable[Checks]], clock: Callable[[], float]) -> None:
        """Find it with `look`; the clock tells seconds."""
        self._look, self._clock = look, clock
        self._lock = asyncio.Lock()
        self._found: Checks = {}
        self._until = float("-inf")

    async def get(self) -> Checks:
        """Return what was found within the last second. Raises nothing that `look` does not."""
        async with self._lock:
            if self._clock() >= self._until:
                self._found = await self._look()
                self._until = self._clock() + _KEPT_SECONDS
            return self._found


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """Return `/healthz` and `/readyz`."""
    kept = Kept(lambda: _checks(doors), time.monotonic)

    @get("/healthz", include_in_schema=False)
    async def alive() -> ASGIResponse:
        return _json(200, {"status": "alive"})

    @get("/readyz", include_in_schema=False)
    async def ready() -> ASGIResponse:
        checks = await kept.get()
        good = all(check["ok"] for check in checks.values())
        return _json(200 if good else 503, {"status": "ready" if good else "not ready", "checks": checks})

    return [alive, ready]


async def _checks(doors: Doors) -> Checks:
    try:
        return await _looked(doors)
    except (psycopg.Error, PoolTimeout) as error:
        return {"database": {"ok": False, "says": type(error).__name__}}


async def _looked(doors: Doors) -> Checks:
    """Ask for the database, the schema, and each consumer of the ledger: does it stand still, is it far behind."""
    async with doors.pool.connection(timeout=1) as connection:
        row = await (await connection.execute(_SQL.applied)).fetchone()
        consumers = await status(connection)
    applied = row[0] if row else 0
    doors.migrations = doors.migrations or applied  # The schema was found right when this process started.
    checks: Checks = {"database": {"ok": True}}
    checks["migrations"] = {"ok": applied == doors.migrations, "applied": applied}
    # Why one stands still is for `flowledger projections status`: this door is open to all.
    return checks | {one.name: _check(one) for one in consumers}


def _check(one: ProjectionStatus) -> dict[str, Any]:
    begun = one.generation > 0
    well = begun and one.failure is None and 0 <= one.lag <= _LAG and (one.leading or one.lag == 0)
    return {"ok": well, "position": one.position if begun else None, "lag": one.lag, "leading": one.leading}


def _json(status: int, value: object) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(value), status_code=status, media_type="application/json")
