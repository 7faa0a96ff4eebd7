"""Migrations: plain SQL, forward only, each package its own folder. A schema newer than the code is refused.

The owner's session looks up names in `pg_catalog` only, and everything of ours is named with its schema: so nothing
that somebody else has put into the database is ever taken for it. The application's role makes no schema.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import Connection, sql

_LOCK = 0x666C6F77  # One migration of a database at a time.
_TRUSTED = "SET LOCAL search_path = pg_catalog, pg_temp"

_PREPARE = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE SCHEMA IF NOT EXISTS ops;
CREATE SCHEMA IF NOT EXISTS views;
CREATE TABLE IF NOT EXISTS ledger.migrations (
    package    text COLLATE "C",
    name       text COLLATE "C",
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (package, name)
);
"""

_GRANTS = "grants.sql"


class SchemaError(Exception):
    """The database's schema is not the one that this version works with; says which way to go."""


class Migration(NamedTuple):
    """One file, forward only."""

    package: str
    name: str

    def text(self) -> LiteralString:
        """Return the file's SQL, in which `{app}` stands for the application's role."""
        return (files(self.package) / "migrations" / self.name).read_text()


def migrations(packages: Sequence[str]) -> list[Migration]:
    """Return the migrations of packages, in the order in which they are applied."""
    return [
        Migration(package, name)
        for package in packages
        for name in sorted(entry.name for entry in (files(package) / "migrations").iterdir())
        if name.endswith(".sql") and name != _GRANTS
    ]


def migrate(
    connection: Connection[object], packages: Sequence[str], app_role: str, *, others: bool = False
) -> list[Migration]:
    """Bring the schema up to date as its owner, and give the application's role its rights; return what was applied.

    All or nothing, one at a time. Raises SchemaError where the database knows migrations that this code does not; those
    of packages that were not asked for are let be where `others`.
    """
    with connection.transaction():
        connection.execute(_TRUSTED)
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_PREPARE)
        app = sql.Identifier(app_role)
        pending = _pending(connection, packages, others=others)
        for migration in pending:
            connection.execute(sql.SQL(migration.text()).format(app=app))
            connection.execute(
                "INSERT INTO ledger.migrations (package, name) VALUES (%s, %s)", (migration.package, migration.name)
            )
        if app_role != connection.info.user:  # Earlier versions gave it; the owner keeps what is the owner's.
            database = sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL("REVOKE CREATE ON DATABASE {} FROM {}").format(database, app))
        for package in packages:
            connection.execute(sql.SQL(_grants(package)).format(app=app))
        return pending


def check(connection: Connection[object], packages: Sequence[str], *, others: bool = False) -> None:
    """Raise SchemaError unless the schema is exactly the one that this code works with.

    With `others`, other packages' parts of it may be there and of any version.
    """
    try:
        with connection.transaction():
            connection.execute(_TRUSTED)
            pending = _pending(connection, packages, others=others)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as missing:
        raise SchemaError("The database is empty; run `flowledger migrate`.") from missing
    if pending:
        raise SchemaError(f"The database is older than this version ({pending[0].name}); run `flowledger migrate`.")


def _grants(package: str) -> LiteralString:
    path = files(package) / "migrations" / _GRANTS
    return path.read_text() if path.is_file() else ""


def _pending(connection: Connection[object], packages: Sequence[str], *, others: bool) -> list[Migration]:
    known = migrations(packages)
    rows = connection.execute("SELECT package, name FROM ledger.migrations").fetchall()
    applied = {Migration(*row) for row in rows}  # type: ignore[misc]
    newer = {it for it in applied.difference(known) if it.package in packages or not others}
    if newer:
        newest = min(newer)
        raise SchemaError(
            f"The database is newer than this version: it has {newest.package}/{newest.name}. Update Flowledger."
        )
    return [migration for migration in known if migration not in applied]
