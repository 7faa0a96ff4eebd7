"""Appending: whole or not at all, in order, without gaps, many in one transaction."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from domain.errors import Unavailable
from flowledger.postgres.roles import APPLICATION
from ledger import writer as writer_module
from ledger.append import Allotment, Append, OutcomeUnknown, Plan, Receipt, Statement, VersionConflict
from ledger.connect import connect, conninfo
from ledger.merkle import Tree
from ledger.rows import Row, row_hash
from ledger.writer import Writer
from tests.support.database import Database
from tests.support.ledgers import append_of, proposed, writer_on

pytestmark = pytest.mark.anyio


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.owner_dsn) as connection:
        return connection.execute(query).fetchall()


def positions(database: Database) -> list[int]:
    return [position for (position,) in rows(database, "SELECT position FROM ledger.events ORDER BY position")]


async def test_positions_run_from_one_without_gap(database: Database) -> None:
    """Appends of several sizes, at once and one after another, leave no position out."""
    async with writer_on(database.app_dsn) as writer:
        for size in (1, 5, 2):
            appends = [append_of(*(proposed() for _ in range(size))) for _ in range(7)]
            receipts = await asyncio.gather(*map(writer.append, appends))
            assert sorted(receipt.position for receipt in receipts) == [receipt.position for receipt in receipts]
    assert positions(database) == list(range(1, 7 * 8 + 1))


async def test_head_holds_the_tree_of_the_stored_rows(database: Database) -> None:
    """Size and edge are those of the rows' hashes, and the stored leaf hashes are those hashes in order."""
    async with writer_on(database.app_dsn) as writer:
        for _ in range(3):
            await asyncio.gather(*(writer.append(append_of(proposed(), proposed())) for _ in range(5)))
    tree, leaves = Tree(), b""
    for row in rows(database, "SELECT * FROM ledger.events ORDER BY position"):
        leaf = row_hash(Row(*row))
        tree.add(leaf)
        leaves += leaf
    assert rows(database, "SELECT size, edge FROM ledger.head") == [(tree.size, tree.edge)]
    assert b"".join(hashes for (hashes,) in rows(database, "SELECT hashes FROM ledger.leaves ORDER BY first")) == leaves


async def test_concurrent_appends_share_transactions(database: Database) -> None:
    """A thousand appends at once are a few transactions, each with one row of leaf hashes."""
    async with writer_on(database.app_dsn) as writer:
        await asyncio.gather(*(writer.append(append_of(proposed())) for _ in range(1000)))
    assert len(positions(database)) == 1000
    assert len(rows(database, "SELECT first FROM ledger.leaves")) <= 10


async def test_a_conflict_fails_its_append_alone(database: Database) -> None:
    """Of several appends in one batch, only the one whose version is taken is refused."""
    stream = uuid4()
    async with writer_on(database.app_dsn) as writer:
        await writer.append(append_of(proposed(stream, 1)))
        batch = [
            append_of(proposed()),
            append_of(proposed(stream, 1)),
            append_of(proposed(stream, 2)),
            append_of(proposed()),
        ]
        answers = await asyncio.gather(*map(writer.append, batch), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Receipt, VersionConflict, Receipt, Receipt]
    assert positions(database) == [1, 2, 3, 4]


async def test_two_of_one_batch_that_want_the_same_version(database: Database) -> None:
    """The first in the queue has it."""
    stream = uuid4()
    async with writer_on(database.app_dsn) as writer:
        batch = [append_of(proposed(stream, 1)), append_of(proposed(stream, 1))]
        answers = await asyncio.gather(*map(writer.append, batch), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Receipt, VersionConflict]


async def test_a_version_out_of_its_turn_is_refused(database: Database) -> None:
    """Our own write path demands the next version; the library's may leave some out."""
    async with writer_on(database.app_dsn) as writer:
        with pytest.raises(VersionConflict, match="not there yet"):
            await writer.append(append_of(proposed(version=3)))
        await writer.append(append_of(proposed(version=3), strict=False))
    assert positions(database) == [1]


async def test_an_append_is_all_or_nothing(database: Database) -> None:
    """Where its last event conflicts, none of an append's events is there."""
    stream = uuid4()
    async with writer_on(database.app_dsn) as writer:
        with pytest.raises(VersionConflict):
            await writer.append(append_of(proposed(), proposed(stream, 1), proposed(stream, 1)))
    assert positions(database) == []


def faulty(kind: str) -> Append:
    """Return an append that fails in one of the ways in which one can."""
    if kind == "statement":
        return append_of(proposed(), statements=[Statement("SELECT 1 / 0", ())])
    if kind == "unstorable":
        return append_of(proposed(topic="no\0such"))
    if kind in {"state", "topic", "version"}:
        odd: dict[str, Any] = {"state": "text", "topic": b"bytes", "version": 2**63}
        return Append(lambda _: Plan([proposed()._replace(**{kind: odd[kind]})]))
    if kind == "expected":
        return Append(lambda _: Plan([proposed()]), [(uuid4(), 2**63)])
    if kind == "unhashable":
        return append_of(proposed(topic="\ud800"))

    def plan(_: Allotment) -> Plan:
        raise LookupError(kind)

    return Append(plan)


@pytest.mark.parametrize(
    "kind", ["statement", "unstorable", "unhashable", "plan", "state", "topic", "version", "expected"]
)
async def test_a_failing_append_does_not_fail_its_neighbours(database: Database, kind: str) -> None:
    """Whatever one append fails of, those in the same batch are recorded, and its caller is told."""
    async with writer_on(database.app_dsn) as writer:
        batch = [append_of(proposed()), faulty(kind), append_of(proposed())]
        before, failed, after = await asyncio.gather(*map(writer.append, batch), return_exceptions=True)
        assert isinstance(before, Receipt)
        assert isinstance(failed, psycopg.DataError | UnicodeEncodeError | LookupError | TypeError)
        assert isinstance(after, Receipt)
        await writer.append(append_of(proposed()))
    assert positions(database) == [1, 2, 3]


async def test_statements_commit_with_their_events(database: Database) -> None:
    """What belongs to an append is there with it, and not where the append fails."""
    insert = "INSERT INTO ops.positions (name, position) VALUES (%s, %s)"
    stream = uuid4()
    async with writer_on(database.app_dsn) as writer:
        await writer.append(append_of(proposed(stream), statements=[Statement(insert, ("good", 1))]))
        with pytest.raises(VersionConflict):
            await writer.append(append_of(proposed(stream), statements=[Statement(insert, ("bad", 1))]))
        await writer.append(append_of(statements=[Statement(insert, ("alone", 1))]))
    assert rows(database, "SELECT name FROM ops.positions ORDER BY name") == [("alone",), ("good",)]


async def test_numbers_have_no_gap_after_failed_appends(database: Database) -> None:
    """A number that was taken by an append that failed is given to the next."""

    def numbered(*, fails: str = "") -> Append:
        def plan(allotment: Allotment) -> Plan:
            number = allotment.number("DEV-{year}-{n:04d}")
            if fails == "plan":
                raise LookupError
            statements = [Statement("SELECT 1 / 0", ())] if fails else []
            return Plan([proposed()], statements, number)

        return Append(plan)

    async with writer_on(database.app_dsn) as writer:
        batch = [numbered(fails=fails) for fails in ("", "plan", "", "statement", "", "statement", "plan", "")]
        answers = await asyncio.gather(*map(writer.append, batch), return_exceptions=True)
        answers.append(await writer.append(numbered()))
    given = [answer.result for answer in answers if isinstance(answer, Receipt)]
    assert given == [f"DEV-{datetime.now(UTC).year}-{number:04d}" for number in range(1, 6)]


async def test_a_number_must_be_borne_by_an_event(database: Database) -> None:
    """An append without events can not take a number: nothing would remember it."""
    async with writer_on(database.app_dsn) as writer:
        with pytest.raises(ValueError, match="for no event"):
            await writer.append(Append(lambda allotment: Plan((), result=allotment.next("x"))))


@pytest.mark.clause("11.10(e)")
async def test_time_never_goes_back(database: Database) -> None:
    """Where the head's last time lies ahead of the clock, it is kept; within the batch of a second head too."""
    ahead = datetime.now(UTC) + timedelta(days=400)
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        connection.execute("UPDATE ledger.head SET recorded_at = %s", (ahead,))
    async with writer_on(database.app_dsn) as writer:
        receipt = await writer.append(append_of(proposed()))
        year = await writer.append(Append(lambda a: Plan([proposed()], result=a.number("{year}-{n}"))))
    assert receipt.recorded_at == ahead
    assert year.result == f"{ahead.year}-1"


async def test_the_year_of_a_number_is_that_of_utc(database: Database) -> None:
    """A server that counts in another time zone does not shift the turn of the year."""
    new_year = datetime(2099, 1, 1, 0, 30, tzinfo=UTC)
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        connection.execute("UPDATE ledger.head SET recorded_at = %s", (new_year,))
    async with writer_on(f"{database.app_dsn}&options=-c%20timezone%3DAmerica/New_York") as writer:
        receipt = await writer.append(Append(lambda a: Plan([proposed()], result=a.number("{year}-{n}"))))
    assert receipt.result == "2099-1"


async def test_a_server_that_defaults_to_repeatable_read(database: Database) -> None:
    """What was committed while the lock was waited for is seen, whatever isolation the server gives by default."""
    dsn = f"{database.app_dsn}&options=-c%20default_transaction_isolation%3Drepeatable%5C%20read"
    async with writer_on(dsn) as one, writer_on(dsn) as other:
        for _ in range(5):
            await asyncio.gather(*(writer.append(append_of(proposed())) for writer in (one, other) for _ in range(5)))
    assert positions(database) == list(range(1, 51))


def kill_writers(database: Database) -> None:
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s AND datname = %s",
            (APPLICATION, database.name),
        )


async def test_a_connection_that_died_while_idle_is_replaced(database: Database) -> None:
    """After the connection was cut while nothing was at stake, the next append is recorded all the same."""
    async with writer_on(database.app_dsn) as writer:
        await writer.append(append_of(proposed()))
        kill_writers(database)
        await writer.append(append_of(proposed()))
    assert positions(database) == [1, 2]


async def test_a_connection_lost_on_the_way_to_the_commit(database: Database) -> None:
    """Cut while the batch is being stored, nobody can know: the outcome is said to be unknown, and the next works."""
    async with writer_on(database.app_dsn) as writer:
        slow = append_of(proposed(), statements=[Statement("SELECT pg_sleep(30)", ())])
        append = asyncio.create_task(writer.append(slow))
        while not rows(database, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.to_thread(kill_writers, database)
        with pytest.raises(OutcomeUnknown):
            await append
        await writer.append(append_of(proposed()))
    assert positions(database) == [1]


async def test_no_server_at_all(database: Database) -> None:
    """Where no connection is to be had, an append is refused as not recorded."""
    async with writer_on(f"{database.app_dsn}&port=1") as writer:
        with pytest.raises(Unavailable):
            await writer.append(append_of(proposed()))


async def test_a_caller_that_goes_away_does_not_tear_its_append(database: Database) -> None:
    """A caller who is cancelled while waiting leaves the append to be recorded whole."""
    async with writer_on(database.app_dsn) as writer:
        caller = asyncio.create_task(writer.append(append_of(proposed(), proposed())))
        await asyncio.sleep(0)
        caller.cancel()
        await writer.append(append_of(proposed()))
    assert positions(database) == [1, 2, 3]


async def test_a_full_queue_refuses(database: Database) -> None:
    """Past its bound, and once closed, the writer takes no more."""
    async with writer_on(database.app_dsn) as writer:
        writer._waiting = 2
        answers = await asyncio.gather(
            *(writer.append(append_of(proposed())) for _ in range(4)), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [Receipt, Receipt, Unavailable, Unavailable]
    with pytest.raises(Unavailable):
        await writer.append(append_of(proposed()))


async def test_a_fault_of_ours_fails_no_neighbour(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks on the way to the commit is tried again append by append, and told to whom it concerns."""
    added = writer_module._added

    def faulty_added(batch: Any) -> dict[str, Any]:
        if any(row.topic == "test.bad" for row in batch.rows):
            raise RuntimeError("bad")
        return added(batch)

    monkeypatch.setattr(writer_module, "_added", faulty_added)
    async with writer_on(database.app_dsn) as writer:
        batch = [append_of(proposed()), append_of(proposed(topic="test.bad")), append_of(proposed())]
        answers = await asyncio.gather(*map(writer.append, batch), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Receipt, RuntimeError, Receipt]
    assert positions(database) == [1, 2]


async def test_who_waits_too_long_for_the_lock_is_refused(database: Database) -> None:
    """Where somebody holds the head, appends are refused as not recorded, those in the queue too; then all is well."""
    writer = Writer(partial(connect, database.app_dsn, "test"), most=2, lock_seconds=0.2)
    async with await psycopg.AsyncConnection.connect(database.app_dsn) as holder:
        await holder.execute("SELECT FROM ledger.head FOR UPDATE")
        appends = [append_of(proposed()) for _ in range(6)]
        asked = asyncio.gather(*map(writer.append, appends), return_exceptions=True)
        answers = await asyncio.wait_for(asked, 5)
        assert [type(answer) for answer in answers] == [Unavailable] * 6
    await writer.append(append_of(proposed()))
    await writer.close()
    assert positions(database) == [1]


async def test_who_is_stuck_with_the_lock_loses_it(database: Database) -> None:
    """A process that stops between lock and commit holds the others up for a while, not for ever."""
    slow = Writer(partial(connect, database.app_dsn, "slow"), hold_seconds=0.2)
    connection = await slow._connected()
    await connection.execute("BEGIN")
    await connection.execute("SELECT FROM ledger.head FOR UPDATE")
    writer = Writer(partial(connect, database.app_dsn, "test"), lock_seconds=10)
    await asyncio.wait_for(writer.append(append_of(proposed())), 5)
    await writer.append(append_of(proposed()))
    await connection.close()
    await writer.close()


async def test_either_side_notices_that_the_other_is_gone(database: Database) -> None:
    """Keepalives and bounds are set at the client and asked of the server."""
    parameters = conninfo_to_dict(conninfo(database.app_dsn, "test"))
    assert parameters["tcp_user_timeout"] == "30000"
    assert (parameters["keepalives_idle"], parameters["keepalives_interval"]) == ("20", "10")
    assert parameters["keepalives_count"] == "3"
    for setting in ("tcp_keepalives_idle=", "tcp_keepalives_interval=", "tcp_keepalives_count=", "tcp_user_timeout="):
        assert setting in str(parameters["options"])
    async with await connect(database.app_dsn, "test") as connection:
        assert await (await connection.execute("SHOW search_path")).fetchone() == ("views",)
