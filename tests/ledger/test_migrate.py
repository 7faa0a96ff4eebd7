"""Bringing the schema up to date, and refusing one that is newer."""

import multiprocessing
from typing import Any

import psycopg
import pytest

from flowledger.postgres.roles import APPLICATION
from flowledger.schema import PACKAGES
from ledger.migrate import SchemaError, check, migrate, migrations
from tests.support.database import Database


def newer(connection: psycopg.Connection[Any]) -> None:
    connection.execute("INSERT INTO ledger.migrations (package, name) VALUES ('ledger', '9999_later.sql')")


def test_an_empty_database_is_brought_up_and_then_left_alone(empty_database: Database) -> None:
    """The first run applies everything, the second nothing."""
    with psycopg.connect(empty_database.owner_dsn, autocommit=True) as connection:
        assert migrate(connection, PACKAGES, APPLICATION) == migrations(PACKAGES)
        assert migrate(connection, PACKAGES, APPLICATION) == []
        check(connection, PACKAGES)


def test_an_empty_database_is_not_ready(empty_database: Database) -> None:
    """A process that finds nothing says what to do."""
    with (
        psycopg.connect(empty_database.owner_dsn, autocommit=True) as connection,
        pytest.raises(SchemaError, match="empty"),
    ):
        check(connection, PACKAGES)


def test_an_older_database_is_not_ready(database: Database) -> None:
    """A process that finds a migration missing names it."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM ledger.migrations WHERE package = 'ledger'")
        with pytest.raises(SchemaError, match=r"older.*0001_ledger"):
            check(connection, PACKAGES)


def test_a_newer_database_is_refused(database: Database) -> None:
    """Neither a migration nor a process works on a schema that it does not know."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        newer(connection)
        with pytest.raises(SchemaError, match=r"newer.*9999_later"):
            check(connection, PACKAGES)
        with pytest.raises(SchemaError, match=r"newer.*9999_later"):
            migrate(connection, PACKAGES, APPLICATION)


def test_the_application_role_can_check(database: Database) -> None:
    """A process finds out with the application's rights whether it may run."""
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        check(connection, PACKAGES)


def test_a_failing_migration_leaves_nothing(empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """All migrations are applied, or none."""
    monkeypatch.setattr("ledger.migrate.Migration.text", lambda self: "CREATE TABLE ledger.x (); SELECT 1 / 0")
    with psycopg.connect(empty_database.owner_dsn, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(connection, ("ledger",), APPLICATION)
        found = connection.execute("SELECT FROM pg_namespace WHERE nspname IN ('ledger', 'ops', 'views')")
        assert found.fetchall() == []


def migrating(dsn: str, applied: Any) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        applied.put(len(migrate(connection, PACKAGES, APPLICATION)))


def test_runs_at_once_are_one_after_another(empty_database: Database) -> None:
    """Of several processes that migrate together, one applies everything and the others find it done."""
    context = multiprocessing.get_context("spawn")
    applied = context.Queue()
    runs = [context.Process(target=migrating, args=(empty_database.owner_dsn, applied)) for _ in range(3)]
    for run in runs:
        run.start()
    counts = sorted(applied.get(timeout=60) for _ in runs)
    for run in runs:
        run.join()
    applied.close()
    assert counts == [0, 0, len(migrations(PACKAGES))]
