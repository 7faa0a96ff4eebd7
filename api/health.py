"""Is it alive, and is it ready: for load balancers and operators."""

from typing import Any

import msgspec
import psycopg
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from psycopg_pool import PoolTimeout

from api.doors import VIEWS, Doors
from ledger.queries import queries

_SQL = queries("api", "doors")
_LAG = 10_000


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """Return `/healthz` and `/readyz`."""

    @get("/healthz", include_in_schema=False)
    async def alive() -> ASGIResponse:
        return _json(200, {"status": "alive"})

    @get("/readyz", include_in_schema=False)
    async def ready() -> ASGIResponse:
        try:
            checks = await _checks(doors)
        except (psycopg.Error, PoolTimeout) as error:
            checks = {"database": {"ok": False, "says": type(error).__name__}}
        good = all(check["ok"] for check in checks.values())
        return _json(200 if good else 503, {"status": "ready" if good else "not ready", "checks": checks})

    return [alive, ready]


async def _checks(doors: Doors) -> dict[str, dict[str, Any]]:
    """Ask for the database, the schema, and each consumer of the ledger: does it stand still, is it far behind."""
    async with doors.pool.connection(timeout=1) as connection:
        rows = await (await connection.execute(_SQL.ready)).fetchall()
    size, applied = rows[0][:2]
    doors.migrations = doors.migrations or applied  # The schema was found right when this process started.
    checks: dict[str, dict[str, Any]] = {"database": {"ok": True}}
    checks["migrations"] = {"ok": applied == doors.migrations, "applied": applied}
    checks |= {name: {"ok": False, "position": None, "lag": size, "leading": False} for name in VIEWS}
    for *_, name, position, stands_still, leading in rows:
        if name is not None:  # Why one stands still is for `flowledger projections status`: this door is open to all.
            lag = size - position
            well = not stands_still and 0 <= lag <= _LAG and (leading or lag == 0)
            checks[name] = {"ok": well, "position": position, "lag": lag, "leading": leading}
    return checks


def _json(status: int, value: object) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(value), status_code=status, media_type="application/json")
