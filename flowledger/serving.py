"""The API process: where its concrete parts are chosen."""

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from psycopg import AsyncConnection

from api.app import make_app
from api.dialects import masetra
from api.doors import FOLLOWED, VIEWS, ApiSettings, Doors
from api.ended import CHANNEL as ENDED
from flowledger.protocol import protocol
from flowledger.schema import PACKAGES
from flowledger.settings import Settings
from ledger.append import CHANNEL
from ledger.bell import Bell
from ledger.connect import connect, pool
from ledger.keys import Keys
from ledger.migrate import migrations
from ledger.store import open_files
from ledger.vault import Vault
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
        webhook_overlap_seconds=settings.webhook_overlap_seconds,
        rate_limit=settings.rate_limit,
        cors_origins=settings.cors_origins,
        request_seconds=settings.request_seconds,
        checkpoints=settings.checkpoints,
    )


def make_doors(settings: Settings, url: str) -> Doors:
    """Return the parts of an API process, none of them open yet."""

    def connector(name: str) -> Callable[[], Awaitable[AsyncConnection[Any]]]:
        return lambda: connect(url, name)

    doors = Doors(
        api_settings(settings),
        pool(url, "api", _POOL),
        Writer(connector("writer")),
        Bell(connector("bell"), CHANNEL, ENDED, *(channel(view) for view in FOLLOWED)),
        Vault(Keys(settings.keys)),
        open_files(settings.files_url, settings.files),
    )
    doors.migrations = len(migrations(PACKAGES))
    return doors


def serve(settings: Settings, url: str, listening: socket.socket) -> None:
    """Serve on a listening socket until SIGTERM; requests under way are answered first."""
    doors = make_doors(settings, url)
    config = uvicorn.Config(
        make_app(doors),
        loop="uvloop",
        http=protocol(masetra.error_form, settings.request_seconds, lambda: doors.read_position(VIEWS[0])),
        ws="none",
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
