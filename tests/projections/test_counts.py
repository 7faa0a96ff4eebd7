"""The exact count of a list."""

import psycopg
import pytest

from ledger.connect import connect
from projections.deviation_queries import DeviationFilter, find
from projections.listing import Counts
from tests.support.database import Database

pytestmark = pytest.mark.anyio

_ROW = """
INSERT INTO views.deviations
    (id, stream, number, version, position, status, department, initiated_at, record, summary)
VALUES (%s, gen_random_uuid(), %s, 1, %s, 'OPEN', 'QC', now(), '{}', '{}')
"""


def _put(database: Database, number: int, position: int, generation: int = 1) -> None:
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute(_ROW, (number, f"DEV-{number}", position))
        connection.execute(
            "INSERT INTO ops.positions (name, position, generation) VALUES ('deviations', %s, %s) "
            "ON CONFLICT (name) DO UPDATE SET position = excluded.position, generation = excluded.generation",
            (position, generation),
        )


async def test_a_count_follows_the_read_model(database: Database) -> None:
    """Whatever was counted before, the count is that of the page's own state."""
    counts = Counts()
    connection = await connect(database.app_dsn, "test")
    try:
        assert (await find(connection, DeviationFilter(), 1, 0, counts)).total == 0
        for number in (1, 2, 3):
            _put(database, number, position=number * 10)
            for _ in range(2):
                assert (await find(connection, DeviationFilter(), 1, 0, counts)).total == number
        _put(database, 4, position=30, generation=2)
        assert (await find(connection, DeviationFilter(), 1, 0, counts)).total == 4
    finally:
        await connection.close()


async def test_each_filter_has_its_own_count(database: Database) -> None:
    """A count under one filter is never given under another."""
    counts = Counts()
    _put(database, 1, position=1)
    connection = await connect(database.app_dsn, "test")
    try:
        assert (await find(connection, DeviationFilter(status="OPEN"), 1, 0, counts)).total == 1
        assert (await find(connection, DeviationFilter(status="CLOSED"), 1, 0, counts)).total == 0
        assert (await find(connection, DeviationFilter(department="QC"), 1, 0, counts)).total == 1
    finally:
        await connection.close()
