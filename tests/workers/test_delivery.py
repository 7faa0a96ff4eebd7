"""From a fact to a subscriber, over real HTTP: signed, repeated, in order."""

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from domain.quality import deviation_facts as facts
from tests.workers.receiver import Received, Receiver, Reply
from tests.workers.stage import SECRET, Stage
from tests.workers.waiting import until

pytestmark = pytest.mark.anyio


def failing(*titles: str, status: int = 500, times: int = 99) -> Receiver:
    """Return a receiver that fails the messages of these titles, so many times each."""
    seen: Counter[str] = Counter()

    def reply(received: Received) -> Reply | None:
        seen[received.id] += 1
        return Reply(status) if received.json["data"]["title"] in titles and seen[received.id] <= times else None

    return Receiver(reply)


def titles(received: list[Received]) -> list[str]:
    """Return the titles that came in."""
    return [it.json["data"]["title"] for it in received]


@pytest.mark.parametrize("secret", [SECRET, f"whsec_{b64encode(b'k' * 32).decode()}"])
async def test_what_arrives_is_signed_and_shaped_as_documented(stage: Stage, secret: str) -> None:
    """The receivers' own package verifies it, with either kind of secret."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url, secret=secret)
        async with stage.working():
            await stage.deviation()
            (received,) = await receiver.wait(1)
    verifier = Webhook(secret if secret.startswith("whsec_") else b64encode(secret.encode()).decode())
    told = verifier.verify(received.body, received.headers)
    assert list(told) == ["event", "timestamp", "data"]
    assert told["event"] == "deviation.created"
    assert told["timestamp"].endswith("Z")
    assert len(told["timestamp"]) == len("2026-01-01T00:00:00Z")
    assert told["data"]["deviation_number"] == "DEV-2026-0001"
    assert told["data"]["initiated_by"]["username"] == "jdoe"
    assert told["data"]["changed_by"] == {"id": 1, "username": "jdoe"}
    assert "old_status" not in told["data"]
    assert received.id.startswith("msg_")
    assert received.headers["content-type"] == "application/json"


async def test_a_retry_is_the_same_message_at_another_time(stage: Stage) -> None:
    """Same id, byte-identical body, a new timestamp with its own signature."""
    async with failing("Wrong label", times=1) as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(schedule=(0.0, 1.0)):
            await stage.deviation()
            first, second = await receiver.wait(2)
            await until(stage_is(stage, "delivered"))
    assert first.id == second.id
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    Webhook(b64encode(SECRET.encode()).decode()).verify(second.body, second.headers)
    attempts = await stage.rows("SELECT number, status FROM ops.delivery_attempts ORDER BY number")
    assert attempts == [(1, 500), (2, 200)]


async def test_a_records_order_is_kept_while_its_first_fails_and_others_are_not_held_up(stage: Stage) -> None:
    """The second fact of a record waits for its first; another record does not."""
    async with failing("held", times=2) as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(schedule=(0.0, 0.2, 0.2)):
            held = await stage.deviation("held")
            await stage.edit(held, "behind")
            await receiver.wait(1)
            await stage.deviation("free")
            await until(stage_is(stage, "delivered", "delivered", "delivered"))
    came = titles(receiver.received)
    assert [title for title in came if title != "free"] == ["held", "held", "held", "behind"]
    assert came.index("free") < len(came) - 2


async def test_after_the_last_attempt_the_records_next_go_on(stage: Stage) -> None:
    """The one that never worked is failed; what came after it arrives, in order. The endpoint's trouble shows."""
    async with failing("bad") as receiver:
        await stage.webhook(receiver.url)
        async with stage.working():
            bad = await stage.deviation("bad")
            await stage.edit(bad, "next")
            await stage.edit(bad, "last")
            await until(stage_is(stage, "failed", "delivered", "delivered"))
    assert titles(receiver.received) == ["bad", "bad", "bad", "next", "last"]
    assert await stage.rows("SELECT failing_since FROM ops.endpoints") == [(None,)]


async def test_an_endpoint_fails_since_its_first_failure(stage: Stage) -> None:
    """Until it works again."""
    async with failing("bad") as receiver:
        await stage.webhook(receiver.url)
        async with stage.working():
            await stage.deviation("bad")
            await until(stage_is(stage, "failed"))
            ((since,),) = await stage.rows("SELECT failing_since FROM ops.endpoints")
            ((first,),) = await stage.rows("SELECT min(at) FROM ops.delivery_attempts")
            ((second,),) = await stage.rows("SELECT at FROM ops.delivery_attempts WHERE number = 2")
            assert first <= since <= second
            await stage.deviation("good")
            await until(stage_is(stage, "failed", "delivered"))
            assert await stage.rows("SELECT failing_since FROM ops.endpoints") == [(None,)]


async def test_gone_is_gone(stage: Stage) -> None:
    """410 disables the endpoint: what waits for it is given up, and nothing more is sent. Others go on."""
    async with failing("first", status=410) as gone, Receiver() as other:
        await stage.webhook(gone.url)
        await stage.webhook(other.url)
        first = await stage.deviation("first")
        await stage.edit(first, "second")
        async with stage.working():
            await until(stage_is(stage, *["delivered", "failed"] * 2, sort=True))
            await stage.edit(first, "third")
            await other.wait(3)
    assert titles(gone.received) == ["first"]
    ((disabled, reason),) = await stage.rows("SELECT disabled_at, disabled_reason FROM ops.endpoints WHERE id = 1")
    assert disabled is not None
    assert "410" in reason


async def test_a_redirect_is_a_failure(stage: Stage) -> None:
    """It is not followed, and counts as an attempt."""
    async with Receiver() as other:
        async with Receiver(lambda _: Reply(301, (f"location: {other.url}",))) as receiver:
            await stage.webhook(receiver.url)
            async with stage.working():
                await stage.deviation()
                await until(stage_is(stage, "failed"))
        assert other.received == []
    assert await stage.rows("SELECT attempts, last_status FROM ops.deliveries") == [(3, 301)]


async def test_retry_after_is_honoured(stage: Stage) -> None:
    """The target asks for an hour, the schedule for a moment."""
    async with Receiver(lambda _: Reply(503, ("retry-after: 3600",))) as receiver:
        await stage.webhook(receiver.url)
        async with stage.working():
            await stage.deviation()
            await until(lambda: has(stage, "SELECT 1 FROM ops.deliveries WHERE attempts = 1"))
            query = "SELECT next_attempt_at - clock_timestamp() > interval '59 minutes' FROM ops.deliveries"
            assert await stage.rows(query) == [(True,)]


async def test_a_target_that_may_not_be_reached_is_told_why(stage: Stage) -> None:
    """Without the setting, loopback is refused at each attempt."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(allow_private=False):
            await stage.deviation()
            await until(stage_is(stage, "failed"))
        assert receiver.received == []
    ((error,),) = await stage.rows("SELECT last_error FROM ops.deliveries")
    assert "https" in error


async def test_names_and_secrets_are_not_in_the_tables(stage: Stage) -> None:
    """Neither while a delivery waits nor after: bodies and secrets are sealed."""
    pages = "SELECT l::text || encode(body, 'escape') FROM ops.delivery_log AS l"
    async with failing("Wrong label", times=1) as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(schedule=(0.0, 0.5)):
            await stage.deviation()
            await receiver.wait(1)
            ((waiting,),) = await stage.rows(pages)
            await until(stage_is(stage, "delivered"))
    ((delivered,),) = await stage.rows(pages)
    ((kept,),) = await stage.rows("SELECT encode(secret, 'escape') FROM ops.webhook_secrets")
    assert not any(word in waiting + delivered for word in ("jdoe", "Wrong label", "deviation_number"))
    assert SECRET not in kept


async def test_transitions_show_where_the_record_moved(stage: Stage) -> None:
    """Each fact with the record as it left it, under its public name, although they come in one batch."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        deviation = await stage.deviation()
        moved: dict[str, Any] = {"actor": 1, "from_state": "OPEN", "to_state": "UNDER_INVESTIGATION"}
        await stage.move(deviation, facts.InvestigatorAssigned(**moved, investigator=1))
        await stage.move(deviation, facts.Closed(actor=None, from_state="APPROVED", to_state="CLOSED"))
        async with stage.working():
            created, updated, closed = await receiver.wait(3)
    assert [it.json["event"] for it in receiver.received] == [
        "deviation.created",
        "deviation.updated",
        "deviation.closed",
    ]
    assert created.json["data"]["status"] == "OPEN"
    assert created.json["data"]["investigator"] is None
    assert updated.json["data"]["investigator"]["username"] == "jdoe"
    assert (updated.json["data"]["old_status"], updated.json["data"]["new_status"]) == ("OPEN", "UNDER_INVESTIGATION")
    assert closed.json["data"]["changed_by"] is None


async def test_many_records_are_sent_beside_each_other_but_not_too_many(stage: Stage) -> None:
    """Up to eight requests to one endpoint at a time."""
    release = asyncio.Event()
    async with Receiver(lambda _: Reply(after=release)) as receiver:
        await stage.webhook(receiver.url)
        for _ in range(12):
            await stage.deviation()
        async with stage.working():
            await receiver.wait(8)
            ((due,),) = await stage.rows("SELECT count(*) FROM ops.deliveries WHERE state = 'pending'")
            assert (due, len(receiver.received)) == (12, 8)
            release.set()
            await until(stage_is(stage, *["delivered"] * 12))
    assert len({it.id for it in receiver.received}) == len(receiver.received) == 12


async def has(stage: Stage, query: str) -> bool:
    """Tell whether a query finds anything."""
    return bool(await stage.rows(query))


def stage_is(stage: Stage, *states: str, sort: bool = False) -> Callable[[], Awaitable[bool]]:
    """Return what asks whether all deliveries are in these states."""

    async def ask() -> bool:
        found = await stage.states()
        return (sorted(found) == sorted(states)) if sort else found == list(states)

    return ask
