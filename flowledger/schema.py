"""The schema: whose migrations make it up, and bringing a database up to it."""

import asyncio
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ledger.connect import connect
from ledger.migrate import Migration, check, migrate
from projections.registry import ensure_tables

#: The packages with a `migrations` folder, in the order in which they are applied.
PACKAGES: Final = ("ledger", "workers", "api")


def bring_up(admin_url: str, url: str) -> list[Migration]:
    """Apply what is missing as the owner, then make the read models' tables as the application; return what was new.

    Raises SchemaError for a database that is newer, psycopg.Error where one of the roles can't.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        applied = migrate(connection, PACKAGES, _role(url))
    asyncio.run(_tables(url))
    return applied


def check_schema(url: str) -> None:
    """Raise SchemaError unless the database has exactly the schema of this version."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        check(connection, PACKAGES)


def _role(url: str) -> str:
    named = conninfo_to_dict(url).get("user")
    if named:
        return str(named)
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.info.user


async def _tables(url: str) -> None:
    connection = await connect(url, "migrate")
    try:
        await ensure_tables(connection)
    finally:
        await connection.close()
