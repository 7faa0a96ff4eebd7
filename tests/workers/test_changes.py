"""What changes of a webhook do to what is on its way: another URL, a pause, another secret."""

from base64 import b64encode
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from domain.platform.settings import Configuration, SettingsChanged
from ledger.connect import pool
from tests.workers.receiver import Received, Receiver, Reply
from tests.workers.stage import SECRET, Stage
from tests.workers.waiting import until
from workers.sweep import Sweep

pytestmark = pytest.mark.anyio

#: Long enough for a test, and over when it says so.
DAY = 86_400
NEW = "whsec_" + b64encode(b"n" * 32).decode()


def verifies(received: Received, secret: str) -> bool:
    """Tell whether the receivers' own package takes it for genuine."""
    try:
        Webhook(secret if secret.startswith("whsec_") else b64encode(secret.encode()).decode()).verify(
            received.body, received.headers
        )
    except WebhookVerificationError:
        return False
    return True


async def test_what_waits_goes_to_the_new_url(stage: Stage) -> None:
    """And so does what comes after."""
    async with Receiver(lambda _: Reply(500)) as old, Receiver() as new:
        webhook = await stage.webhook(old.url)
        deviation = await stage.deviation("waits")
        async with stage.working(schedule=(0.0, 600.0)):
            await until(lambda: tried(stage))
            await stage.edit(deviation, "behind")
            await stage.change_webhook(webhook, url=new.url)
            await until(lambda: _seen(stage))
            await stage.rows("UPDATE ops.deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")
            await new.wait(2)
    assert len(old.received) == 1
    assert [it.json["data"]["title"] for it in new.received] == ["waits", "behind"]
    assert new.received[0].id == old.received[0].id


async def test_what_waits_goes_on_when_the_webhook_is_active_again(stage: Stage) -> None:
    """Nothing is sent meanwhile, and nothing that happens meanwhile is ever told."""
    async with Receiver(lambda _: Reply(500)) as receiver, Receiver() as other:
        webhook = await stage.webhook(receiver.url)
        deviation = await stage.deviation("waits")
        async with stage.working(schedule=(0.0, 600.0)):
            await until(lambda: tried(stage))
            await stage.change_webhook(webhook, active=False)
            await stage.webhook(other.url)
            await stage.edit(deviation, "meanwhile")
            await stage.rows("UPDATE ops.deliveries SET next_attempt_at = now() WHERE endpoint_id = 1")
            await other.wait(1)
            async with pool(stage.database.app_dsn, "sweep", 1) as connections:
                woken: list[int] = []
                await Sweep(connections, stage.codec, woken.append).once()
            assert (woken, len(receiver.received)) == ([], 1)
            receiver.reply = lambda _: None
            await stage.change_webhook(webhook, active=True)
            await stage.edit(deviation, "after")
            await receiver.wait(3)
    assert [it.json["data"]["title"] for it in receiver.received] == ["waits", "waits", "after"]


async def test_both_secrets_sign_while_one_takes_the_others_place(stage: Stage) -> None:
    """The new one first; the receivers' package verifies with either."""
    async with Receiver() as receiver:
        webhook = await stage.webhook(receiver.url)
        await stage.rotate(webhook, NEW, DAY)
        async with stage.working():
            await stage.deviation()
            (received,) = await receiver.wait(1)
    assert verifies(received, SECRET)
    assert verifies(received, NEW)
    first, second = received.headers["webhook-signature"].split()
    for signature, secret in ((first, NEW), (second, SECRET)):
        alone = received._replace(headers={**received.headers, "webhook-signature": signature})
        assert [verifies(alone, one) for one in (NEW, SECRET)] == [secret == NEW, secret == SECRET]


async def test_after_the_overlap_the_old_secret_is_gone(stage: Stage) -> None:
    """It signs nothing any more, and is in the database no more."""
    async with Receiver() as receiver:
        webhook = await stage.webhook(receiver.url)
        await stage.rotate(webhook, NEW, DAY)
        over = "UPDATE ops.webhook_secrets SET expires_at = now() WHERE expires_at IS NOT NULL"
        async with stage.working(sweep_seconds=600.0):
            await stage.deviation()
            await receiver.wait(1)
            await stage.rows(over)
            await stage.deviation()
            _, after = await receiver.wait(2)
    assert (verifies(after, NEW), verifies(after, SECRET)) == (True, False)
    assert len(after.headers["webhook-signature"].split()) == 1
    async with pool(stage.database.app_dsn, "sweep", 1) as connections:
        await Sweep(connections, stage.codec, lambda _: None).once()
    assert await stage.rows("SELECT expires_at FROM ops.webhook_secrets") == [(None,)]


async def test_a_new_secret_signs_where_the_old_one_can_not_be_opened(stage: Stage) -> None:
    """As after a lost key: rotating is the way out."""
    async with Receiver() as receiver:
        webhook = await stage.webhook(receiver.url)
        await stage.rows("UPDATE ops.webhook_secrets SET secret = sha256(secret)")
        await stage.rotate(webhook, NEW, DAY)
        async with stage.working():
            await stage.deviation()
            (received,) = await receiver.wait(1)
    assert verifies(received, NEW)


async def test_the_log_is_kept_as_long_as_the_settings_say(stage: Stage) -> None:
    """Valid at once after a change."""
    async with Receiver() as receiver:
        await stage.webhook(receiver.url)
        async with stage.working(sweep_seconds=600.0):
            for _ in range(2):
                await stage.deviation()
            await until(lambda: _delivered(stage, 2))
    await stage.rows("UPDATE ops.deliveries SET created_at = now() - interval '3 days' WHERE position = 3")
    async with pool(stage.database.app_dsn, "sweep", 1) as connections:
        sweep = Sweep(connections, stage.codec, lambda _: None)
        for days, left in ((4, 2), (2, 1)):
            await stage.append(Configuration().stream, SettingsChanged(delivery_log_days=days, reason="space"))
            await sweep.once()
            assert len(await stage.states()) == left


async def tried(stage: Stage) -> bool:
    """Tell whether an attempt was recorded."""
    return bool(await stage.rows("SELECT 1 FROM ops.delivery_attempts"))


async def _seen(stage: Stage) -> bool:
    rows: list[tuple[Any, ...]] = await stage.rows(
        "SELECT 1 FROM ops.positions AS p, ledger.head AS h WHERE p.name = 'webhooks.dispatch' AND p.position = h.size"
    )
    return bool(rows)


async def _delivered(stage: Stage, count: int) -> bool:
    return (await stage.states()).count("delivered") == count
