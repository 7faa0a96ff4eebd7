"""Making the read models' tables."""

import asyncio
from collections.abc import Mapping
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg import sql

from audit.replay import replay
from flowledger.schema import bring_up, check_schema
from ledger.codec import Codec
from ledger.connect import connect
from ledger.migrate import SchemaError
from projections import rebuild as rebuild_module
from projections.capas import CapasProjection
from projections.deviation_views import DeviationDetail
from projections.deviations import DeviationsProjection
from projections.form import described
from projections.rebuild import RebuildRefused, rebuild
from projections.registry import NAMES, chosen, ensure_tables, read_models, unfit_tables
from projections.status import status
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
    with pytest.raises(LookupError, match=r"no read model 'nonsense'.*deviations, capas, users, webhooks, reports"):
        chosen(codec, ["nonsense"])  # type: ignore[arg-type]


@pytest.fixture
async def outdated(stage: Stage) -> Stage:
    """Deviations in a table that another version made."""
    for _ in range(3):
        await stage.deviation()
    await stage.run()
    await stage.connection.execute("ALTER TABLE deviations ADD COLUMN colour text")
    await stage.connection.execute("COMMENT ON TABLE deviations IS 'of another form'")
    return stage


async def test_an_update_rebuilds_a_table_of_another_form_beside_the_live_one(
    outdated: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists are never empty: the live table is there until the new one is full. The others stay as they are."""
    users = await outdated.table("users")
    seen: list[int] = []
    load = rebuild_module._Rebuild._load

    async def looked_at(self: Any) -> None:
        await load(self)
        seen.append(len(await outdated.table("deviations")))

    monkeypatch.setattr(rebuild_module._Rebuild, "_load", looked_at)
    await asyncio.to_thread(bring_up, database.owner_dsn, database.app_dsn)
    assert seen == [3]
    found = {it.name: (it.position, it.generation) for it in await status(outdated.connection)}
    assert (found["deviations"], found["users"]) == ((3, 2), (3, 1))
    assert [row[0] for row in await outdated.table("deviations")] == [1, 2, 3]
    assert await outdated.table("users") == users
    assert (await replay(outdated.connection, outdated.codec)).ok
    await asyncio.to_thread(check_schema, outdated.url)


async def test_a_table_of_an_earlier_version_that_left_no_word_is_of_another_form(outdated: Stage) -> None:
    """Nobody knows what is in it."""
    await outdated.connection.execute("COMMENT ON TABLE deviations IS NULL")
    assert await ensure_tables(outdated.connection) == ["deviations"]


async def test_a_table_that_is_not_there_is_filled_where_there_are_events(outdated: Stage, database: Database) -> None:
    """A read model that is new with a version is whole from its first moment on."""
    await outdated.connection.execute("DROP TABLE users, deviations")
    assert await ensure_tables(outdated.connection) == ["deviations", "users"]
    await asyncio.to_thread(bring_up, database.owner_dsn, database.app_dsn)
    assert len(await outdated.table("deviations")) == 3
    assert await outdated.table("users") == []


async def test_an_update_is_refused_while_workers_of_the_earlier_version_run(
    outdated: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would write rows of theirs into the new table. Nothing was touched; once they are stopped, it goes on."""
    monkeypatch.setattr(rebuild_module, "_OTHER", "100ms")
    live = await outdated.table("deviations")
    earlier = await connect(outdated.url, "earlier worker")
    await earlier.execute("SELECT pg_advisory_lock(hashtextextended('flowledger consumer ' || 'deviations', 0))")
    with pytest.raises(RebuildRefused, match=r"deviations .* stop the workers of the earlier version first"):
        await asyncio.to_thread(bring_up, database.owner_dsn, database.app_dsn)
    assert await outdated.table("deviations") == live
    assert {it.position for it in await status(outdated.connection)} == {3}
    await earlier.close()
    await asyncio.to_thread(bring_up, database.owner_dsn, database.app_dsn)
    assert await unfit_tables(outdated.connection) == []


async def test_a_process_is_told_which_table_is_not_of_its_form(outdated: Stage) -> None:
    """It does not work on what it does not know."""
    assert await unfit_tables(outdated.connection) == ["deviations"]
    await outdated.connection.execute("DROP TABLE users")
    assert await unfit_tables(outdated.connection) == ["deviations", "users"]
    with pytest.raises(SchemaError, match="read model deviations is of another version; run `flowledger migrate`"):
        await asyncio.to_thread(check_schema, outdated.url)


async def test_a_table_that_others_build_on_is_left_as_it_is(outdated: Stage) -> None:
    """All or nothing: the position stays, too."""
    await outdated.connection.execute("CREATE VIEW theirs AS SELECT id FROM deviations")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist):
        await rebuild(outdated.url, outdated.codec, ["deviations"])
    assert len(await outdated.table("deviations")) == 3
    assert {it.position for it in await status(outdated.connection)} == {3}


async def test_a_table_that_was_rebuilt_is_of_this_form(outdated: Stage) -> None:
    """A rebuild mends it as well, and nobody waits."""
    await rebuild(outdated.url, outdated.codec, ["deviations"])
    assert await unfit_tables(outdated.connection) == []


def test_a_form_is_another_with_each_thing_that_makes_it() -> None:
    """Statements, structs and edition; remarks and layout are nothing of it."""

    class Again(DeviationsProjection):
        """The same."""

    class Other(DeviationsProjection):
        """Rows hold something else in the same columns."""

        edition = 2

    class Larger(DeviationsProjection):
        """The ready answer has other fields."""

        answers = (DeviationDetail,)

    class Wider(DeviationsProjection):
        """The table has other columns."""

        sql = CapasProjection.sql

    assert Again.form() == DeviationsProjection.form()
    assert len({model.form() for model in (DeviationsProjection, Other, Larger, Wider)}) == 4


def test_a_form_is_of_the_names_and_types_of_fields_alone() -> None:
    """A struct that is renamed or moved to another module is the same; what a value may be at most is nothing of it."""

    class Grade(Enum):
        HIGH = "high"
        LOW = "low"

    class Place(msgspec.Struct):
        room: str | None

    class Other(msgspec.Struct):
        room: str | None = None

    class Whole(msgspec.Struct, rename={"at": "place"}):
        at: Place
        more: tuple[Other, ...]
        grade: Grade
        count: Annotated[int, msgspec.Meta(ge=1)]
        word: Literal["a", "b"]
        given: Mapping[str, list[UUID]] | msgspec.UnsetType
        inner: "Whole | None"

    Whole.__annotations__["inner"] = Whole | None
    room = "{room: str | NoneType}"
    assert described(Whole) == (
        f"{{place: {room}, more: tuple[{room}, ...], grade: Grade('high', 'low'), count: int, word: Literal['a', 'b'], "
        "given: Mapping[str, list[UUID]] | UnsetType, inner: Whole | NoneType}"
    )


def test_every_form_is_described_without_a_module(codec: Codec) -> None:
    """Dots stand in no name."""
    for model in read_models(codec):
        for struct in model.encoded():
            assert "." not in described(struct).replace("...", "")
