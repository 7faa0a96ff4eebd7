"""The ceiling of a write: bare Litestar, one route, one durable INSERT of the body, nothing else."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, post
from litestar.response.base import ASGIResponse
from psycopg_pool import AsyncConnectionPool

TABLE = "posted"
CREATE = f"CREATE TABLE IF NOT EXISTS {TABLE} (id bigserial PRIMARY KEY, body bytea NOT NULL)"
_INSERT = f"INSERT INTO {TABLE} (body) VALUES (%s) RETURNING id"


def application(url: str, connections: int) -> Litestar:
    """Return an application that inserts what is posted."""
    pool = AsyncConnectionPool(url, min_size=connections, max_size=connections, open=False, kwargs={"autocommit": True})

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None, None]:
        await pool.open(wait=True)
        try:
            yield
        finally:
            await pool.close()

    @post("/api/deviations/")
    async def insert(request: Request[Any, Any, Any]) -> ASGIResponse:
        content = await request.body()
        async with pool.connection() as connection:
            row = await (await connection.execute(_INSERT, (content,), prepare=True)).fetchone()
        assert row is not None
        return ASGIResponse(body=b'{"id":%d}' % row[0], status_code=201, media_type="application/json")

    return Litestar([insert], lifespan=[lifespan], openapi_config=None, logging_config=None)
