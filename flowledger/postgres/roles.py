"""What every cluster must hold before anyone uses it: the application's role, the database."""

from typing import Final

import psycopg
from psycopg import sql

OWNER: Final = "flowledger_owner"
APPLICATION: Final = "flowledger_app"
DATABASE: Final = "flowledger"


def furnish(connection: psycopg.Connection[tuple[object, ...]], password: str) -> None:
    """Make the role, with `password`, and the database where they are missing; autocommit is on.

    The password is sent as its SCRAM verifier, since PostgreSQL may log the statement.
    """
    role, database = sql.Identifier(APPLICATION), sql.Identifier(DATABASE)
    if not _any(connection, "SELECT FROM pg_roles WHERE rolname = %s", APPLICATION):
        verifier = connection.pgconn.encrypt_password(
            password.encode(), APPLICATION.encode(), b"scram-sha-256"
        ).decode()
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, verifier))
    if not _any(connection, "SELECT FROM pg_database WHERE datname = %s", DATABASE):
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
    # Without an access list, everyone may connect.
    if _any(connection, "SELECT FROM pg_database WHERE datname = %s AND datacl IS NULL", DATABASE):
        with connection.transaction():
            for statement in (
                sql.SQL("REVOKE ALL ON DATABASE {}, postgres FROM PUBLIC").format(database),
                sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, role),
            ):
                connection.execute(statement)


def _any(connection: psycopg.Connection[tuple[object, ...]], query: str, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None
