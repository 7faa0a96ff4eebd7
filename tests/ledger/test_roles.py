"""What the application's role can not do: change what was recorded."""

from typing import LiteralString

import psycopg
import pytest

from tests.support.database import Database
from tests.support.ledgers import fill

RECORDS: list[LiteralString] = ["ledger.events", "ledger.leaves", "ledger.checkpoints"]
COLUMN: dict[str, LiteralString] = {
    "ledger.events": "state = state",
    "ledger.leaves": "hashes = hashes",
    "ledger.checkpoints": "note = note",
}


def refused(database: Database, statement: str) -> None:
    with (
        psycopg.connect(database.app_dsn, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


@pytest.mark.parametrize("table", RECORDS)
@pytest.mark.clause("11.10(e)", negative=True)
def test_no_update(database: Database, table: str) -> None:
    """What was recorded is not rewritten."""
    refused(database, f"UPDATE {table} SET {COLUMN[table]}")


@pytest.mark.parametrize("table", [*RECORDS, "ledger.head", "ledger.migrations"])
@pytest.mark.clause("11.10(c)", negative=True)
def test_no_delete(database: Database, table: str) -> None:
    """What was recorded is not removed."""
    refused(database, f"DELETE FROM {table}")


@pytest.mark.parametrize("table", [*RECORDS, "ledger.head", "ledger.migrations"])
@pytest.mark.clause("11.10(e)", negative=True)
def test_no_truncate(database: Database, table: str) -> None:
    """Nor all at once."""
    refused(database, f"TRUNCATE {table}")


@pytest.mark.parametrize("what", ["ALTER TABLE ledger.events ADD x int", "DROP TABLE ledger.leaves"])
def test_no_change_of_tables(database: Database, what: str) -> None:
    """The tables of the record are the owner's."""
    refused(database, what)


def test_no_new_identity(database: Database) -> None:
    """A ledger can not be passed off as another."""
    refused(database, "UPDATE ledger.head SET identity = gen_random_uuid()")


def test_appending_and_reading(database: Database) -> None:
    """What it can do: add, and read."""
    fill(database.app_dsn, 3)
    with psycopg.connect(database.app_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM ledger.events").fetchone() == (3,)
