"""Making the read models' tables."""

import asyncio
from functools import partial

import psycopg
import pytest
from psycopg import sql

from ledger.connect import connect
from projections.registry import NAMES, chosen, ensure_tables
from tests.projections.stage import Stage
from tests.support.database import Database

pytestmark = pytest.mark.anyio


async def test_many_processes_at_once_make_the_tables_once(database: Database) -> None:
    """Every process that starts makes sure of the tables, at the same moment."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        for name in NAMES:
            owner.execute(sql.SQL("DROP TABLE IF EXISTS views.{}").format(sql.Identifier(name)))
    connections = await asyncio.gather(*(map(partial(connect, database.app_dsn), "abcdefgh")))
    await asyncio.gather(*map(ensure_tables, connections))
    found = await connections[0].execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'views' AND tableowner = current_user ORDER BY tablename"
    )
    assert [name for (name,) in await found.fetchall()] == sorted(NAMES)
    for connection in connections:
        await connection.close()


async def test_tables_that_are_there_keep_their_rows(stage: Stage) -> None:
    """Making sure of the tables changes nothing."""
    await stage.deviation()
    await stage.run()
    before = await stage.table("deviations")
    await ensure_tables(stage.connection)
    assert await stage.table("deviations") == before != []


def test_an_unknown_read_model_is_refused_by_name(codec: object) -> None:
    """The message says which there are."""
    with pytest.raises(LookupError, match=r"no read model 'capas'.*deviations, users, webhooks"):
        chosen(codec, ["capas"])  # type: ignore[arg-type]
