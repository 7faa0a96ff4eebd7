"""Connections as all of ours are: autocommit, UTC, named, and quick to notice that the server is gone."""

import asyncio
from typing import Any

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from ledger.arrays import register

# A silent connection is probed after so long, so often, and so many times; what was sent must be heard in time.
_IDLE_SECONDS = 20
_PROBE_SECONDS = 10
_PROBES = 3
_UNHEARD_MILLISECONDS = 30_000
_SERVER_NOTICES = {
    "tcp_keepalives_idle": _IDLE_SECONDS,
    "tcp_keepalives_interval": _PROBE_SECONDS,
    "tcp_keepalives_count": _PROBES,
    "tcp_user_timeout": _UNHEARD_MILLISECONDS,
}


def conninfo(url: str, name: str, schema: str = "views") -> str:
    """Return a connection string with our settings added to it; read models are found in `schema`.

    Either side that is gone without a word is noticed by the other within a minute, at work or idle.
    """
    settings = {"timezone": "UTC", "client_encoding": "UTF8", "search_path": schema, **_SERVER_NOTICES}
    return make_conninfo(
        url,
        application_name=f"flowledger {name}",
        options=" ".join(f"-c {setting}={value}" for setting, value in settings.items()),
        connect_timeout=5,
        keepalives=1,
        keepalives_idle=_IDLE_SECONDS,
        keepalives_interval=_PROBE_SECONDS,
        keepalives_count=_PROBES,
        tcp_user_timeout=_UNHEARD_MILLISECONDS,
    )


async def connect(url: str, name: str, schema: str = "views") -> AsyncConnection[Any]:
    """Open a connection. Raises psycopg.OperationalError where the server is away.

    Whoever is cancelled meanwhile leaves no half-open connection: psycopg, cancelled on the way, would.
    """
    opening = asyncio.ensure_future(AsyncConnection.connect(conninfo(url, name, schema), autocommit=True))
    try:
        connection: AsyncConnection[Any] = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise
    register(connection)
    return connection


def _close(opened: "asyncio.Future[AsyncConnection[Any]]") -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().pgconn.finish()


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
