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
    consumers = {name: (position, failure) for *_, name, position, failure in rows if name is not None}
    checks: dict[str, dict[str, Any]] = {"database": {"ok": True}}
    checks["migrations"] = {"ok": applied == doors.migrations, "applied": applied}
    for name in dict.fromkeys((*VIEWS, *consumers)):
        position, failure = consumers.get(name, (None, "it has not begun"))
        lag = size - (position or 0)
        checks[name] = {"ok": failure is None and lag <= _LAG, "position": position, "lag": lag, "failure": failure}
    return checks


def _json(status: int, value: object) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(value), status_code=status, media_type="application/json")
