"""Reading raw gives the same leaf hashes as reading objects."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.rows import Row, row_hash
from ledger.scan import raw_hash, scan, unix_microseconds
from tests.support.database import Database

RESOLUTION = timedelta(microseconds=1)
_BIG = st.integers(-(2**63), 2**63 - 1)
_EARLIEST, _LATEST = datetime(1, 1, 2), datetime(9999, 12, 30)
_ROWS = st.builds(
    Row,
    position=st.just(1),
    originator_id=st.uuids(),
    originator_version=_BIG,
    topic=st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    state=st.binary(),
    recorded_at=st.datetimes(_EARLIEST, _LATEST, timezones=st.just(UTC)),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=_ROWS)
def test_any_row_has_one_leaf_hash(database: Database, row: Row) -> None:
    """Whatever a row holds, it is hashed alike before it is stored, when read as objects, and when read raw."""
    connection: psycopg.Connection[Any]
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("TRUNCATE ledger.events")
        connection.execute("INSERT INTO ledger.events VALUES (%s, %s, %s, %s, %s, %s)", row)
        (raw,) = scan(connection, 0, 10)
        assert raw_hash(raw) == row_hash(row)
        assert unix_microseconds(raw[5]) == (row.recorded_at - datetime(1970, 1, 1, tzinfo=UTC)) // RESOLUTION
        read = connection.execute("SELECT * FROM ledger.events").fetchone()
        assert read is not None
        assert row_hash(Row(*read)) == row_hash(row)
