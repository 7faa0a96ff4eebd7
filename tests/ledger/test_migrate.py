"""Bringing the schema up to date, and refusing one that is newer."""

import asyncio
import multiprocessing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from flowledger.postgres.roles import APPLICATION
from flowledger.schema import PACKAGES
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.migrate import SchemaError, check, migrate, migrations
from ledger.vault import Vault
from projections.rebuild import rebuild
from projections.registry import NAMES
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


@pytest.mark.clause("11.10(k)", negative=True)
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


def test_a_package_that_is_not_known_is_newer(database: Database) -> None:
    """A later version may add a package; only who asks for its own part alone lets that be."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO ledger.migrations (package, name) VALUES ('later', '0001_first.sql')")
        with pytest.raises(SchemaError, match=r"newer.*later/0001_first"):
            check(connection, PACKAGES)
        with pytest.raises(SchemaError, match=r"newer.*later/0001_first"):
            migrate(connection, PACKAGES, APPLICATION)
        check(connection, ("ledger",), others=True)
        assert migrate(connection, ("ledger",), APPLICATION, others=True) == []


def test_the_application_makes_no_schema(database: Database) -> None:
    """It could put functions there that its owner takes for the server's."""
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        for name in ("flowledger_owner", "anything"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))


def test_what_lies_in_wait_for_the_owner_is_not_called(database: Database) -> None:
    """A schema of the owner's name, left from when the application could make one, gives nobody the owner's rights."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(*map(sql.Identifier, (database.name, APPLICATION)))
        )
        with psycopg.connect(database.app_dsn, autocommit=True) as app:
            app.execute("CREATE SCHEMA flowledger_owner")
            app.execute("GRANT USAGE ON SCHEMA flowledger_owner TO PUBLIC")
            for kind in ("smallint", "integer"):
                app.execute(
                    sql.SQL(
                        "CREATE FUNCTION flowledger_owner.pg_advisory_xact_lock({}) RETURNS void LANGUAGE plpgsql"
                        " AS 'BEGIN ALTER ROLE flowledger_app SUPERUSER; END'"
                    ).format(sql.SQL(kind))
                )
        check(owner, PACKAGES)
        migrate(owner, PACKAGES, APPLICATION)
        assert owner.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (APPLICATION,)).fetchone() == (False,)
        may = owner.execute("SELECT has_database_privilege(%s, current_database(), 'CREATE')", (APPLICATION,))
        assert may.fetchone() == (False,)


def test_the_application_rebuilds_with_its_own_rights(database: Database, tmp_path: Path) -> None:
    """Also over what a rebuild that was killed has left; nothing is left behind."""
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE views_next.deviations ()")
        connection.execute("CREATE TABLE views_next.of_another_version ()")
        done = asyncio.run(rebuild(database.app_dsn, Codec(Vault(Keys(tmp_path / "keys")))))
        assert [it.name for it in done] == list(NAMES)
        assert connection.execute("SELECT FROM pg_tables WHERE schemaname = 'views_next'").fetchall() == []


def test_what_the_library_prepared_becomes_the_applications(empty_database: Database) -> None:
    """The library, as owner, knows of no other role: the next migration gives that its rights."""
    with psycopg.connect(empty_database.owner_dsn, autocommit=True) as connection:
        migrate(connection, ("ledger",), connection.info.user, others=True)
        migrate(connection, PACKAGES, APPLICATION)
    with psycopg.connect(empty_database.app_dsn, autocommit=True) as connection:
        check(connection, PACKAGES)
        assert connection.execute("SELECT size FROM ledger.head FOR UPDATE").fetchone() == (0,)
        connection.execute("INSERT INTO ops.positions (name, position) VALUES ('x', 0)")
