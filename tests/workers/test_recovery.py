"""Nothing is lost: not with the broker's messages, not with a process, not with a connection."""

import asyncio
import os
import signal

import psycopg
import pytest

from tests.workers.processes import process
from tests.workers.receiver import Receiver, Reply
from tests.workers.stage import Stage
from tests.workers.waiting import until

pytestmark = pytest.mark.anyio


def owner(stage: Stage, statement: str) -> None:
    """Do something as the database's owner."""
    with psycopg.connect(stage.database.owner_dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


async def delivered(stage: Stage, count: int) -> bool:
    """Tell whether so many deliveries have been made."""
    return (await stage.states()).count("delivered") == count


async def test_a_broker_that_loses_every_message_loses_no_delivery(stage: Stage) -> None:
    """The sweep finds what is due."""
    owner(stage, "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    owner(stage, "CREATE TRIGGER lose BEFORE INSERT ON dramatiq.queue FOR EACH ROW EXECUTE FUNCTION lose()")
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with stage.working():
            for _ in range(5):
                await stage.deviation()
            await until(lambda: delivered(stage, 5))
    assert len(receiver.received) == 5


async def test_a_message_is_enough(stage: Stage) -> None:
    """Without a sweep: the message wakes the drain, and the drain itself comes back for what is retried."""
    async with Receiver(lambda _: Reply(500 if len(receiver.received) == 1 else 200)) as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(sweep_seconds=600.0):
            # The dispatcher is at the tail, so the sweep that a worker begins with has nothing to find.
            await until(lambda: _leads(stage))
            await stage.deviation()
            await until(lambda: delivered(stage, 1))
    assert len(receiver.received) == 2


async def test_a_broker_that_is_away_holds_nothing_up(stage: Stage) -> None:
    """Nobody listens at the broker's port: facts are still dispatched, and deliveries made."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(broker_url="amqp://guest:guest@127.0.0.1:1/"):
            await stage.deviation()
            await until(lambda: delivered(stage, 1))


async def test_a_worker_killed_in_the_middle_of_a_delivery(stage: Stage) -> None:
    """The next one sends it again, with the same id and the same bytes."""
    async with Receiver(lambda _: Reply(after=asyncio.Event())) as receiver:
        await stage.webhook(receiver.url)
        deviation = await stage.deviation()
        await stage.edit(deviation, "next")
        async with process(stage) as first:
            await receiver.wait(1)
            os.kill(first.pid, signal.SIGKILL)
            await first.wait()
        receiver.reply = lambda _: None
        async with process(stage):
            await until(lambda: delivered(stage, 2))
    cut, again, following = receiver.received
    assert (cut.id, cut.body) == (again.id, again.body)
    assert following.json["data"]["title"] == "next"


@pytest.mark.long
async def test_another_worker_takes_over(stage: Stage) -> None:
    """Two processes share the work; when one is killed, the other goes on, and each record's order holds."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with process(stage) as first, process(stage):
            deviation = await stage.deviation("0")
            for number in range(1, 20):
                await stage.edit(deviation, str(number))
            await receiver.wait(3)
            os.kill(first.pid, signal.SIGKILL)
            for number in range(20, 40):
                await stage.edit(deviation, str(number))
            await until(lambda: delivered(stage, 40), 40)
    came = list(dict.fromkeys(int(received.json["data"]["title"]) for received in receiver.received))
    assert came == list(range(40))


@pytest.mark.long
async def test_a_lost_database_is_waited_for(stage: Stage) -> None:
    """Every connection is cut, twice; what comes after is delivered."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with stage.working():
            for count in (1, 2, 3):
                await stage.deviation()
                await until(lambda: delivered(stage, count), 30)  # noqa: B023
                cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'flowledger%'"
                owner(stage, f"{cut} AND application_name <> 'flowledger test' AND datname = current_database()")


async def test_stopping_lets_what_is_under_way_end(stage: Stage) -> None:
    """And begins nothing more; the tree's head is signed once more."""
    release = asyncio.Event()
    async with Receiver(lambda _: Reply(after=release)) as receiver:
        await stage.webhook(receiver.url)
        deviation = await stage.deviation()
        await stage.edit(deviation, "next")
        async with stage.working(checkpoint_seconds=600.0):
            await receiver.wait(1)
            asyncio.get_running_loop().call_later(0.2, release.set)
    assert await stage.states() == ["delivered", "pending"]
    ((size,), (signed,)) = await stage.rows(
        "SELECT size FROM ledger.head UNION ALL SELECT max(size) FROM ledger.checkpoints"
    )
    assert size == signed


async def test_stopping_cuts_off_what_does_not_end(stage: Stage) -> None:
    """It stays due, and is sent another time with the same id."""
    async with Receiver(lambda _: Reply(after=asyncio.Event())) as receiver:
        await stage.webhook(receiver.url)
        await stage.deviation()
        async with stage.working(stop_seconds=0.2):
            await receiver.wait(1)
        receiver.reply = lambda _: None
        async with stage.working():
            await until(lambda: delivered(stage, 1))
    assert len({received.id for received in receiver.received}) == 1


async def test_a_deleted_webhooks_deliveries_are_given_up(stage: Stage) -> None:
    """They are failed, with the reason."""
    async with Receiver(lambda _: Reply(500)) as receiver:
        webhook = await stage.webhook(receiver.url)
        deviation = await stage.deviation()
        await stage.edit(deviation, "next")
        async with stage.working(schedule=(0.0, 600.0)):
            await receiver.wait(1)
            await stage.remove_webhook(webhook)
            await until(lambda: _all(stage, "failed"))
    assert await stage.rows("SELECT DISTINCT last_error FROM ops.deliveries") == [("the webhook was deleted",)]


async def test_a_secret_that_can_not_be_opened_is_an_attempt_that_failed(stage: Stage) -> None:
    """Nothing is sent unsigned; the reason shows."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        await stage.rows("UPDATE ops.webhook_secrets SET secret = sha256(secret)")
        await stage.deviation()
        async with stage.working():
            await until(lambda: _all(stage, "failed"))
        assert receiver.received == []
    ((error,),) = await stage.rows("SELECT last_error FROM ops.deliveries")
    assert "webhook/1" in error


async def _all(stage: Stage, state: str) -> bool:
    return set(await stage.states()) == {state}


async def _leads(stage: Stage) -> bool:
    query = (
        "SELECT 1 FROM ops.positions AS p, ledger.head AS h WHERE p.name = 'webhooks.dispatch' AND p.position = h.size"
    )
    return bool(await stage.rows(query))
