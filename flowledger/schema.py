"""The schema: whose migrations make it up, and bringing a database up to it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from ledger.connect import connect
from ledger.migrate import Migration, SchemaError, check, migrate
from projections.rebuild import Progress, rebuild
from projections.registry import ensure_tables, unfit_tables
from projections.sealed import keyless

log = structlog.get_logger(__name__)

#: The packages with a `migrations` folder, in the order in which they are applied.
PACKAGES: Final = ("ledger", "workers", "api")


def bring_up(admin_url: str, url: str) -> list[Migration]:
    """Apply what is missing as the owner, then bring the read models to this version's form as the application.

    Return the migrations applied. Read models of another form are rebuilt beside the live ones: that takes as long as
    a rebuild does, and is logged. Raises SchemaError for a database that is newer, psycopg.Error where one of the roles
    can't, RebuildRefused where workers of an earlier version are still running, FoldFailed for an event that can't be
    taken.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        applied = migrate(connection, PACKAGES, _role(url))
    unfit = asyncio.run(_on_tables(url, ensure_tables))
    if unfit:
        asyncio.run(_rebuild(url, unfit))
    return applied


def check_schema(url: str) -> None:
    """Raise SchemaError unless the database has exactly the schema of this version, and read models of its form."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        check(connection, PACKAGES)
    unfit = asyncio.run(_on_tables(url, unfit_tables))
    if unfit:
        raise SchemaError(f"The read model {unfit[0]} is of another version; run `flowledger migrate`.")


def _role(url: str) -> str:
    named = conninfo_to_dict(url).get("user")
    if named:
        return str(named)
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.info.user


async def _rebuild(url: str, names: list[str]) -> None:
    log.info("read_models_take_another_form", read_models=names)
    for one in await rebuild(url, keyless(), names, _tenths()):
        log.info("read_model_rebuilt", read_model=one.name, events=one.events, seconds=round(one.seconds, 1))


def _tenths() -> Progress:
    """Return what logs each tenth of the way."""
    told = 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if done * 10 >= (told + 1) * total > 0:
            told = done * 10 // total
            log.info("read_models_rebuilding", events=done, of=total)

    return tell


async def _on_tables(url: str, do: Callable[[AsyncConnection[Any]], Awaitable[list[str]]]) -> list[str]:
    connection = await connect(url, "migrate")
    try:
        return await do(connection)
    finally:
        await connection.close()
