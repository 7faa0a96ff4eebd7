"""The API process: where its concrete parts are chosen."""

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from litestar.types import ASGIApp
from psycopg import AsyncConnection

from api.app import make_app
from api.doors import VIEWS, ApiSettings, Doors
from flowledger.schema import PACKAGES
from flowledger.settings import Settings
from ledger.bell import Bell
from ledger.connect import connect, pool
from ledger.keys import Keys, Vault
from ledger.migrate import migrations
from ledger.writer import Writer
from projections.consumer import channel

_POOL = 6


def api_settings(settings: Settings) -> ApiSettings:
    """Return what the doors need of the settings."""
    return ApiSettings(
        public_url=(settings.public_url or "").rstrip("/"),
        trusted_proxies=settings.trusted_proxies,
        access_seconds=settings.access_seconds,
        refresh_seconds=settings.refresh_seconds,
        read_wait_seconds=settings.read_wait_seconds,
        webhook_allow_private=settings.webhook_allow_private,
    )


def make_doors(settings: Settings, url: str) -> Doors:
    """Return the parts of an API process, none of them open yet."""

    def connector(name: str) -> Callable[[], Awaitable[AsyncConnection[Any]]]:
        return lambda: connect(url, name)

    doors = Doors(
        api_settings(settings),
        pool(url, "api", _POOL),
        Writer(connector("writer")),
        Bell(connector("bell"), *(channel(view) for view in VIEWS)),
        Vault(Keys(settings.keys)),
    )
    doors.migrations = len(migrations(PACKAGES))
    return doors


def application(settings: Settings, url: str) -> ASGIApp:
    """Return the ASGI application of a process."""
    return make_app(make_doors(settings, url))


def serve(settings: Settings, url: str, listening: socket.socket) -> None:
    """Serve on a listening socket until SIGTERM; requests under way are answered first."""
    config = uvicorn.Config(
        application(settings, url),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, int(settings.drain_seconds) - 2),
        limit_concurrency=2000,
        backlog=2048,
    )
    uvicorn.Server(config).run(sockets=[listening])
