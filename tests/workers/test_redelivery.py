"""Told again, over real HTTP: the same message, all of it, by whichever worker is left."""

from base64 import b64encode
from collections import defaultdict

import pytest
from standardwebhooks.webhooks import Webhook

from tests.workers.processes import process
from tests.workers.receiver import Received, Receiver, Reply
from tests.workers.stage import SECRET, Stage
from tests.workers.waiting import until

pytestmark = pytest.mark.anyio


async def test_it_is_the_same_message_at_another_time(stage: Stage) -> None:
    """Same id, byte-identical body, although the record and its people have changed; signed anew."""
    async with Receiver() as receiver:
        webhook = await stage.webhook(receiver.url, ("deviation.created",))
        deviation = await stage.deviation()
        async with stage.working():
            await until(lambda: settled(stage, 1))
            await stage.edit(deviation, "changed")
            await stage.ask_again(webhook)
            first, again = await receiver.wait(2)
            await until(lambda: settled(stage, 1))
    assert (first.id, first.body) == (again.id, again.body)
    Webhook(b64encode(SECRET.encode()).decode()).verify(again.body, again.headers)
    assert await stage.rows("SELECT number, status FROM ops.attempt_log ORDER BY number") == [(1, 200), (2, 200)]
    assert await stage.rows("SELECT state, attempts, last_status FROM ops.delivery_log") == [("delivered", 2, 200)]


async def test_what_was_given_up_arrives_when_it_is_asked_for(stage: Stage) -> None:
    """In the order of the ledger, and nothing else."""
    async with Receiver(lambda it: Reply(500) if it.json["data"]["title"] in "ac" else None) as receiver:
        webhook = await stage.webhook(receiver.url)
        deviation = await stage.deviation("a")
        for title in "bcd":
            await stage.edit(deviation, title)
        async with stage.working():
            await until(lambda: settled(stage, 4))
            assert await stage.states() == ["failed", "delivered", "failed", "delivered"]
            receiver.reply = lambda _: None
            before = len(receiver.received)
            await stage.ask_again(webhook, state="failed")
            await until(lambda: delivered(stage, 4))
    assert [it.json["data"]["title"] for it in receiver.received[before:]] == ["a", "c"]


async def test_one_that_the_receiver_ended_tells_again_once_it_is_made_active(stage: Stage) -> None:
    """What was given up is there to be asked for; what comes after is told of by itself."""
    async with Receiver(lambda _: Reply(410)) as receiver:
        webhook = await stage.webhook(receiver.url)
        deviation = await stage.deviation("first")
        await stage.edit(deviation, "given up")
        async with stage.working():
            await until(lambda: settled(stage, 2))
            receiver.reply = lambda _: None
            await stage.change_webhook(webhook, active=True)
            await stage.edit(deviation, "after")
            await until(lambda: delivered(stage, 1))
            await stage.ask_again(webhook, state="failed")
            await until(lambda: delivered(stage, 3))
    came = [it.json["data"]["title"] for it in receiver.received]
    assert came == ["first", "after", "first", "given up"]
    assert await stage.rows("SELECT ended, failing_since FROM ops.webhook_health") == [(False, None)]


@pytest.mark.long
async def test_a_worker_killed_in_the_middle_loses_none_and_breaks_no_order(stage: Stage) -> None:
    """New facts come meanwhile: each record's come in order, and so does what is made again."""
    records, edits = 5, 12

    def stumble(received: Received) -> Reply | None:
        return Reply(500) if len(receiver.received) % 7 == 0 else None

    async with Receiver() as receiver:
        webhook = await stage.webhook(receiver.url)
        deviations = [await stage.deviation("0") for _ in range(records)]
        for number in range(1, edits):
            for deviation in deviations:
                await stage.edit(deviation, str(number))
        # More tries than a record can lose by stumbling.
        quick = {"schedule": (0.0, *(0.01,) * 200)}
        async with process(stage, **quick) as first, process(stage, **quick):
            await until(lambda: delivered(stage, records * edits))
            before = len(receiver.received)
            receiver.reply = stumble
            await stage.ask_again(webhook)
            await receiver.wait(before + 10)
            first.kill()
            for number in range(edits, edits + 3):
                for deviation in deviations:
                    await stage.edit(deviation, str(number))
            await until(lambda: delivered(stage, records * (edits + 3)))
    again, new = defaultdict(list), defaultdict(list)
    for received in receiver.received[before:]:
        record, number = received.json["data"]["id"], int(received.json["data"]["title"])
        (again if number < edits else new)[record].append(number)
    for record in deviations:
        assert list(dict.fromkeys(again[record])) == list(range(edits))
        assert list(dict.fromkeys(new[record])) == list(range(edits, edits + 3))


async def test_a_request_before_any_worker_is_there_is_not_lost(stage: Stage) -> None:
    """And made while nobody looks, twice over, it is carried out once."""
    async with Receiver() as receiver:
        webhook = await stage.webhook(receiver.url)
        for _ in range(20):
            await stage.deviation()
        async with stage.working():
            await until(lambda: delivered(stage, 20))
        await stage.ask_again(webhook)
        await stage.ask_again(webhook)
        async with stage.working():
            await receiver.wait(40)
            await until(lambda: delivered(stage, 20))
            await stage.deviation()
            await receiver.wait(41)
    assert len(receiver.received) == 41


async def settled(stage: Stage, count: int) -> bool:
    """Tell whether so many deliveries have ended, well or not."""
    states = await stage.states()
    return len(states) == count and "pending" not in states


async def delivered(stage: Stage, count: int) -> bool:
    """Tell whether so many deliveries have been made, and none waits."""
    states = await stage.states()
    return states.count("delivered") == count and "pending" not in states
