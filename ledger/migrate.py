"""Migrations: plain SQL, forward only, each package its own folder. A schema newer than the code is refused."""

from collections.abc import Sequence
from importlib.resources import files
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import Connection, sql

_LOCK = 0x666C6F77  # One migration of a database at a time.

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

_GRANTS = """
REVOKE ALL ON SCHEMA ledger, ops, views FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger, ops TO {app};
GRANT USAGE, CREATE ON SCHEMA views TO {app};
GRANT CREATE ON DATABASE {database} TO {app};
GRANT SELECT ON ledger.migrations TO {app};
"""


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
        if name.endswith(".sql")
    ]


def migrate(connection: Connection[object], packages: Sequence[str], app_role: str) -> list[Migration]:
    """Bring the schema up to date as its owner; return what was applied.

    All or nothing, one at a time. Raises SchemaError where the database knows migrations that this code does not.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_PREPARE)
        names = {"app": sql.Identifier(app_role), "database": sql.Identifier(connection.info.dbname)}
        connection.execute(sql.SQL(_GRANTS).format(**names))
        pending = _pending(connection, packages)
        for migration in pending:
            connection.execute(sql.SQL(migration.text()).format(**names))
            connection.execute(
                "INSERT INTO ledger.migrations (package, name) VALUES (%s, %s)", (migration.package, migration.name)
            )
        return pending


def check(connection: Connection[object], packages: Sequence[str]) -> None:
    """Raise SchemaError unless the schema is exactly the one that this code works with."""
    try:
        pending = _pending(connection, packages)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as missing:
        raise SchemaError("The database is empty; run `flowledger migrate`.") from missing
    if pending:
        raise SchemaError(f"The database is older than this version ({pending[0].name}); run `flowledger migrate`.")


def _pending(connection: Connection[object], packages: Sequence[str]) -> list[Migration]:
    known = migrations(packages)
    rows = connection.execute("SELECT package, name FROM ledger.migrations WHERE package = ANY(%s)", (list(packages),))
    applied = {Migration(*row) for row in rows.fetchall()}  # type: ignore[misc]
    newer = applied - set(known)
    if newer:
        raise SchemaError(f"The database is newer than this version: it has {min(newer).name}. Update Flowledger.")
    return [migration for migration in known if migration not in applied]
