"""Connections as all of ours are: autocommit, UTC, named, and quick to notice that the server is gone."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from ledger.arrays import register


def conninfo(url: str, name: str, schema: str = "views") -> str:
    """Return a connection string with our settings added to it; read models are found in `schema`."""
    return make_conninfo(
        url,
        application_name=f"flowledger {name}",
        options=f"-c timezone=UTC -c client_encoding=UTF8 -c search_path={schema}",
        connect_timeout=5,
        keepalives_idle=30,
    )


async def connect(url: str, name: str, schema: str = "views") -> AsyncConnection[Any]:
    """Open a connection. Raises psycopg.OperationalError where the server is away."""
    connection: AsyncConnection[Any] = await AsyncConnection.connect(conninfo(url, name, schema), autocommit=True)
    register(connection)
    return connection


async def _prepare(connection: AsyncConnection[Any]) -> None:
    register(connection)


def pool(url: str, name: str, size: int) -> AsyncConnectionPool[AsyncConnection[Any]]:
    """Return a pool that is not open yet; it opens without a server and finds it when it is back."""
    return AsyncConnectionPool(
        conninfo(url, name),
        min_size=1,
        max_size=size,
        open=False,
        timeout=3,
        reconnect_timeout=10**9,  # It tries for ever: a server may be away for long.
        configure=_prepare,
        kwargs={"autocommit": True},
    )
