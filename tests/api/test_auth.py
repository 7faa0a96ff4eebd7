"""Credentials and sessions as they are kept: what holds between two statements, and over an update."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import AsyncConnection

import ledger.migrate
from api.auth import made_up, new_password, set_active
from api.ended import CHANNEL, Ended
from api.sessions import Seen, Sessions, end_all
from api.tokens import Tokens
from domain.errors import NotSignedIn
from domain.platform.passwords import password_faults
from domain.platform.settings import SystemSettings
from flowledger.schema import bring_up
from ledger.append import Statement
from ledger.bell import Bell
from ledger.connect import connect, pool
from ledger.keys import Keys
from ledger.tasks import end
from tests.support.database import Database
from tests.workers.waiting import until

SEEN = Seen("192.0.2.7", "test")
CHANGES = {"password": new_password(7, "new"), "deactivation": [set_active(7, active=False), end_all(7)]}
KINDS = ("uppercase", "lowercase", "digit", "symbol")
rules = st.builds(
    SystemSettings,
    password_min_length=st.integers(8, 128),
    **{f"password_require_{kind}": st.booleans() for kind in KINDS},
)


@given(rules)
def test_a_password_that_is_made_up_breaks_no_rule(settings: SystemSettings) -> None:
    assert password_faults(made_up(settings), "ana", settings) == []


def test_no_two_are_made_up_alike() -> None:
    assert len({made_up(SystemSettings()) for _ in range(50)}) == 50


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(Tokens(Keys(tmp_path)), access_seconds=900, refresh_seconds=3600)


@pytest.fixture
async def connections(database: Database) -> AsyncIterator[list[AsyncConnection[Any]]]:
    """Two connections, and a user 7 whose password's hash is `old`."""
    found = [await connect(database.app_dsn, "test") for _ in range(2)]
    await execute(found[0], *new_password(7, "old"))
    yield found
    for connection in found:
        await connection.close()


async def execute(connection: AsyncConnection[Any], *statements: Statement) -> None:
    for statement in statements:
        await connection.execute(statement.sql, statement.parameters)


async def waits_for_a_lock(database: Database) -> None:
    """Return once somebody waits in this database."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with await AsyncConnection.connect(database.owner_dsn, autocommit=True) as connection:

        async def found() -> bool:
            return await (await connection.execute(waiting)).fetchone() is not None

        await until(found)


@pytest.mark.anyio
@pytest.mark.parametrize("what", ["password", "deactivation"])
async def test_a_sign_in_that_is_overtaken_begins_no_session(
    sessions: Sessions, connections: list[AsyncConnection[Any]], database: Database, what: str
) -> None:
    """The password was compared, and is changed before the session begins."""
    one, two = connections
    async with one.transaction():
        await execute(one, *CHANGES[what])
        beginning = asyncio.create_task(sessions.begin(two, 7, "old", SEEN))
        await waits_for_a_lock(database)
    assert await beginning is None


@pytest.mark.anyio
@pytest.mark.parametrize("what", ["password", "deactivation"])
async def test_a_change_that_a_sign_in_overtakes_ends_its_session(
    sessions: Sessions, connections: list[AsyncConnection[Any]], database: Database, what: str
) -> None:
    one, two = connections
    async with two.transaction():
        begun = await sessions.begin(two, 7, "old", SEEN)
        changing = asyncio.create_task(execute(one, *CHANGES[what]))
        await waits_for_a_lock(database)
    await changing
    assert begun is not None
    with pytest.raises(NotSignedIn):
        await sessions.go_on(one, begun.refresh, SEEN, rotate=False)


@pytest.mark.anyio
async def test_of_two_that_rotate_a_token_at_once_the_second_ends_the_session(
    sessions: Sessions, connections: list[AsyncConnection[Any]], database: Database
) -> None:
    one, two = connections
    begun = await sessions.begin(one, 7, "old", SEEN)
    assert begun is not None
    async with one.transaction():
        first = await sessions.go_on(one, begun.refresh, SEEN, rotate=True)
        second = asyncio.create_task(sessions.go_on(two, begun.refresh, SEEN, rotate=True))
        await waits_for_a_lock(database)
    assert ((await second).stolen, (await second).access) == (True, "")
    with pytest.raises(NotSignedIn):
        await sessions.go_on(one, first.successor or "", SEEN, rotate=False)


@pytest.mark.anyio
async def test_sessions_that_are_over_are_removed_in_the_end(
    sessions: Sessions, connections: list[AsyncConnection[Any]], database: Database
) -> None:
    one, _ = connections
    begun = [await sessions.begin(one, 7, "old", SEEN) for _ in range(3)]
    columns = ("ended_at", "expires_at")
    with psycopg.connect(database.owner_dsn) as owner:
        for it, column in zip(begun, columns, strict=False):
            assert it is not None
            long_ago = f"UPDATE ops.sessions SET {column} = now() - interval '3 days' WHERE id = %s"
            owner.execute(long_ago, (it.session,))  # type: ignore[call-overload]
    await sessions.forget(one)
    left = await (await one.execute("SELECT id FROM ops.sessions")).fetchall()
    assert [session for (session,) in left] == [begun[2].session if begun[2] else None]
    tokens = await (await one.execute("SELECT count(*) FROM ops.refresh_tokens")).fetchone()
    assert tokens == (1,)


@pytest.mark.anyio
async def test_which_sessions_ended_is_known_without_asking(
    sessions: Sessions, connections: list[AsyncConnection[Any]], database: Database
) -> None:
    one, _ = connections
    begun = [await sessions.begin(one, 7, "old", SEEN) for _ in range(2)]
    assert begun[0] is not None
    assert begun[1] is not None
    bell = Bell(lambda: connect(database.app_dsn, "bell"), CHANNEL)
    pooled = pool(database.app_dsn, "test", 1)
    await pooled.open()
    ended = Ended(pooled, bell, 900)
    assert await ended.holds(begun[0].session) is False  # Asked of the database: nothing is known yet.
    bell.start()
    following = asyncio.create_task(ended.follow())
    try:
        await execute(one, end_all(7, kept=begun[0].session))
        await until(lambda: ended.holds(begun[1].session))
        await until(lambda: ended.is_sure)
        async with pooled.connection():  # The only one: who asks the database now waits for ever.
            assert await asyncio.wait_for(ended.holds(begun[1].session), 5)
            assert not await asyncio.wait_for(ended.holds(begun[0].session), 5)
        ended.hear()
        assert not ended.is_sure
    finally:
        await end([following])
        await bell.stop()
        await pooled.close()


@pytest.mark.anyio
async def test_refresh_tokens_of_an_earlier_version_go_on(
    sessions: Sessions, empty_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    everything, grants = ledger.migrate.migrations, ledger.migrate._grants

    def earlier(packages: Any) -> list[ledger.migrate.Migration]:
        return [it for it in everything(packages) if it.package != "api" or it.name < "0003"]

    monkeypatch.setattr(ledger.migrate, "migrations", earlier)
    # What the application may do stood in the migrations themselves then.
    monkeypatch.setattr(ledger.migrate, "_grants", lambda package: "" if package == "api" else grants(package))
    await asyncio.to_thread(bring_up, empty_database.owner_dsn, empty_database.app_dsn)
    good, dead = uuid4(), uuid4()
    with psycopg.connect(empty_database.owner_dsn) as owner:
        insert = "INSERT INTO ops.refresh_tokens (id, family, user_id, expires_at, revoked_at)"
        for token, revoked in ((good, "NULL"), (dead, "now()")):
            text = f"{insert} VALUES (%s, %s, 7, now() + interval '1 day', {revoked})"
            owner.execute(text, (token, token))  # type: ignore[call-overload]
    monkeypatch.undo()
    await asyncio.to_thread(bring_up, empty_database.owner_dsn, empty_database.app_dsn)
    connection = await connect(empty_database.app_dsn, "test")
    try:
        used = await sessions.go_on(connection, refresh_of(sessions, good), SEEN, rotate=True)
        assert (used.user, used.session, used.successor is not None) == (7, good, True)
        with pytest.raises(NotSignedIn):
            await sessions.go_on(connection, refresh_of(sessions, dead), SEEN, rotate=False)
    finally:
        await connection.close()


def refresh_of(sessions: Sessions, token: UUID) -> str:
    return sessions._tokens.refresh(7, token, datetime.now(UTC) + timedelta(hours=1))
