"""Running consumers: exactly once, whatever happens, and each for itself."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection, sql
from structlog.testing import capture_logs

from domain.events import Recorded, stream_id
from ledger.append import CHANNEL
from ledger.codec import Codec
from ledger.connect import connect
from projections import runner as runner_module
from projections.deviations import DeviationsProjection
from projections.rebuild import rebuild
from projections.registry import read_models
from projections.status import status
from projections.users import UsersProjection
from tests.projections.killed import Tally, run_and_kill
from tests.projections.stage import Stage, until
from tests.support.database import Database

pytestmark = pytest.mark.anyio


class Choosy(DeviationsProjection):
    """Can't take titles that hold `poison`, until it is cured."""

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec)
        self.cured = False

    async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
        await super().apply(connection, events)
        if not self.cured and any("poison" in getattr(it.event, "title", "") for it in events):
            raise ValueError("poison")


async def _status(stage: Stage, name: str) -> Any:
    return next(it for it in await status(stage.connection) if it.name == name)


async def test_a_runner_killed_between_applying_and_committing_does_nothing_twice(stage: Stage) -> None:
    """Rows and position are one transaction, so a kill takes back both or neither."""
    await stage.connection.execute("CREATE TABLE tally (position bigint)")
    for _ in range(3):
        await stage.deviation(steps=2)
    await asyncio.to_thread(run_and_kill, "runner", stage.url, str(stage.folder / "keys"))
    await stage.run([Tally()])
    assert await stage.rows("SELECT position FROM tally ORDER BY position") == [(n,) for n in range(1, 10)]


async def test_a_runner_whose_connection_is_cut_while_at_work_does_nothing_twice(stage: Stage) -> None:
    """The database takes back what was not committed; the runner connects again and goes on from there."""
    await stage.connection.execute("CREATE TABLE tally (position bigint)")

    class Cut(Tally):
        cuts = 3

        async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
            await super().apply(connection, events)
            if self.cuts:
                self.cuts -= 1
                await stage.connection.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))

    for _ in range(20):
        await stage.deviation()
    await stage.run([Cut()], batch=5)
    assert await stage.rows("SELECT position FROM tally ORDER BY position") == [(n,) for n in range(1, 21)]


@pytest.mark.long
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6))
async def test_events_give_the_same_rows_however_they_fall_into_batches(stage: Stage, sizes: list[int]) -> None:
    """A batch is a matter of speed alone."""
    if not stage.deviations:
        user = await stage.user()
        for steps in (0, 3, 1, 4, 2):
            await stage.rename(user, f"after {steps}")
            await stage.deviation(steps=steps, actor=user)
        await stage.foreign(3)
        await stage.edit(1, "Another title")
    await stage.forget()
    runner, turn = stage.runner(), 0
    runner._batch = sizes[0]
    await runner._lead(stage.connection)
    while await runner.step(stage.connection):
        runner._batch = sizes[turn % len(sizes)]
        turn += 1
    rows = [await stage.table("deviations"), await stage.table("users")]
    await stage.connection.execute("SELECT pg_advisory_unlock_all()")
    await stage.forget()
    await stage.run()
    assert rows == [await stage.table("deviations"), await stage.table("users")]


async def test_an_event_that_one_consumer_can_not_take_stops_that_one_alone(stage: Stage) -> None:
    """The one in the way is named by its position; what came before it is applied; the others go on."""
    await stage.deviation()
    await stage.deviation("a poison")
    await stage.user()
    async with stage.running(stage.runner([Choosy(stage.codec), UsersProjection(stage.codec)])):

        async def stands_still() -> bool:
            return (await _status(stage, "deviations")).failure is not None

        await until(stands_still)
        await until(lambda: stage.all_passed(3, [UsersProjection(stage.codec)]))
        stopped, users = await _status(stage, "deviations"), await _status(stage, "users")
    assert (stopped.position, stopped.lag, stopped.failure) == (1, 2, "position 2: ValueError: poison")
    assert stopped.leading
    assert (users.position, users.lag, users.failure) == (3, 0, None)
    assert len(await stage.table("deviations")) == 1


async def test_bytes_that_can_not_be_read_stop_only_who_takes_them(stage: Stage) -> None:
    """Others do not even decode them; nobody skips them."""
    await stage.append_raw(stream_id("deviation", 1), ("deviation.created", b'{"title": 7}'))
    await stage.user()
    async with stage.running():
        await until(lambda: stage.all_passed(2, [UsersProjection(stage.codec)]))

        async def stands_still() -> bool:
            return "ValidationError" in str((await _status(stage, "deviations")).failure)

        await until(stands_still)
    assert (await _status(stage, "deviations")).position == 0


async def test_a_consumer_goes_on_by_itself_once_it_can(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again and again, and its failure is forgotten when it succeeds."""
    monkeypatch.setattr(runner_module, "_RETRY_SECONDS", (0.1, 0.2))
    choosy = Choosy(stage.codec)
    await stage.deviation("a poison")
    await stage.deviation()
    async with stage.running(stage.runner([choosy])):

        async def stands_still() -> bool:
            return (await _status(stage, "deviations")).failure is not None

        await until(stands_still)
        choosy.cured = True
        await until(lambda: stage.all_passed(2, [choosy]))
        await until(lambda: _healthy(stage))
    assert len(await stage.table("deviations")) == 2


async def _healthy(stage: Stage) -> bool:
    return (await _status(stage, "deviations")).failure is None


async def test_a_rebuild_carries_a_consumer_past_what_stopped_it(stage: Stage) -> None:
    """Code that can take the event has built the table: the running consumer goes on after it without a restart."""
    await stage.deviation("a poison")
    choosy = Choosy(stage.codec)
    async with stage.running(stage.runner([choosy])):

        async def stands_still() -> bool:
            return (await _status(stage, "deviations")).failure is not None

        await until(stands_still)
        await rebuild(stage.url, stage.codec, ["deviations"])
        await stage.deviation("harmless")
        await until(lambda: stage.all_passed(2, [choosy]))
    assert await _healthy(stage)
    assert len(await stage.table("deviations")) == 2


async def test_a_standby_takes_over_when_the_leaders_connection_dies(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leading is a lock of the connection: it ends with it, and nobody else applies meanwhile."""
    monkeypatch.setattr(runner_module, "_STANDBY_SECONDS", 0.1)
    given_out: list[AsyncConnection[Any]] = []

    async def once() -> AsyncConnection[Any]:
        if given_out:
            raise psycopg.OperationalError("cut off")
        given_out.append(await connect(stage.url, "leader"))
        return given_out[0]

    leader, standby = stage.runner(connector=once), stage.runner()
    async with stage.running(leader):
        await until(lambda: stage.all_passed(0))
        async with stage.running(standby):
            await stage.deviation()
            await until(lambda: stage.all_passed(1))
            assert not standby._led
            await stage.connection.execute("SELECT pg_terminate_backend(%s)", (given_out[0].info.backend_pid,))
            await stage.deviation()
            await until(lambda: stage.all_passed(2))
            assert set(standby._led) == {model.name for model in read_models(stage.codec)}
    assert len(await stage.table("deviations")) == 2


async def test_nobody_leads_a_read_model_whose_table_is_of_another_form(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker of an earlier version must not write its rows into the new table. Where the form is right, it leads."""
    monkeypatch.setattr(runner_module, "_STANDBY_SECONDS", 0.1)
    await stage.deviation()
    await stage.connection.execute("COMMENT ON TABLE deviations IS 'of another form'")
    users, deviations = UsersProjection(stage.codec), DeviationsProjection(stage.codec)
    runner = stage.runner([users, deviations])
    with capture_logs() as said:
        async with stage.running(runner):
            await until(lambda: stage.all_passed(1, [users]))
            assert set(runner._led) == {"users"}
            form = DeviationsProjection.form()
            await stage.connection.execute(sql.SQL("COMMENT ON TABLE deviations IS {}").format(form))
            await until(lambda: stage.all_passed(1, [deviations]))
    assert [it["consumer"] for it in said if it["event"] == "consumer_of_another_form"] == ["deviations"]
    assert len(await stage.table("deviations")) == 1


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_leader_gives_up_where_another_form_was_put_in_its_place(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, stopped: bool
) -> None:
    """It notices as its position was moved, whether it was at work or stood still."""
    monkeypatch.setattr(runner_module, "_STANDBY_SECONDS", 0.1)
    choosy = Choosy(stage.codec)
    await stage.deviation("a poison" if stopped else "harmless")
    async with stage.running(stage.runner([choosy])):

        async def settled() -> bool:
            found = await _status(stage, "deviations")
            return bool(found.leading and (found.failure if stopped else found.position == 1))

        async def given_up() -> bool:
            return not (await _status(stage, "deviations")).leading

        await until(settled)
        async with stage.connection.transaction():
            await stage.connection.execute("COMMENT ON TABLE deviations IS 'of another form'")
            await stage.connection.execute("UPDATE ops.positions SET position = 0 WHERE name = 'deviations'")
            await stage.connection.execute("TRUNCATE deviations")
            if stopped:
                await stage.connection.execute("UPDATE ops.positions SET position = 1 WHERE name = 'deviations'")
        await until(given_up)
    assert await stage.table("deviations") == []


async def test_who_has_nothing_to_do_rests(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """News that was heard before wakes neither a standby nor a consumer that stands still."""
    steps = 0

    async def counted(self: Any, connection: AsyncConnection[Any]) -> bool:
        nonlocal steps
        steps += 1
        return await step(self, connection)

    leader = await connect(stage.url, "leader")
    await leader.execute("SELECT pg_advisory_lock(hashtextextended('flowledger consumer ' || 'deviations', 0))")
    step = runner_module.Runner.step
    monkeypatch.setattr(runner_module.Runner, "step", counted)
    standby = stage.runner([DeviationsProjection(stage.codec)])
    standby._bell.ring(CHANNEL, 100)
    async with stage.running(standby):
        await asyncio.sleep(0.3)
        standby._bell.ring(CHANNEL, 101)
    await leader.close()
    assert steps <= 3


async def test_records_are_found_by_key_however_small_the_table_was_at_first(stage: Stage) -> None:
    """A plan is kept: one that reads all of a small table would read all of it when it is large."""
    await stage.deviation()
    await stage.run()
    await stage.connection.execute("VACUUM ANALYZE deviations")
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relid = 'deviations'::regclass"
    before = await stage.rows(scans)
    await stage.edit(1, "Right label")
    await stage.run()
    assert await stage.rows(scans) == before


async def test_a_row_past_the_head_is_none(stage: Stage) -> None:
    """Who may add rows by hand can not make a consumer pass over those that are still to come."""
    await stage.deviation()
    await stage.connection.execute(
        "INSERT INTO ledger.events SELECT 500, originator_id, 77, topic, state, recorded_at FROM ledger.events LIMIT 1"
    )
    await stage.run()
    await stage.deviation()
    await stage.run()
    assert [row[0] for row in await stage.rows("SELECT id FROM views.deviations ORDER BY id")] == [1, 2]


async def test_a_missing_event_is_never_passed_over(stage: Stage, database: Database) -> None:
    """A consumer that finds a gap stands still before it, and says so."""
    for _ in range(3):
        await stage.deviation()
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("DELETE FROM ledger.events WHERE position = 2")
    async with stage.running():

        async def stands_still() -> bool:
            failure = (await _status(stage, "deviations")).failure
            return failure is not None and "position 2 is missing" in failure

        await until(stands_still)
