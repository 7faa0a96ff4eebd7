"""What becomes a delivery, and what does not."""

import asyncio
from typing import Any

import pytest

from domain.platform.webhooks import PUBLIC_EVENTS
from ledger.connect import connect
from tests.workers.dispatching import Dispatching
from tests.workers.stage import Stage
from tests.workers.waiting import until
from workers.webhooks import dispatch as module
from workers.webhooks.dispatch import Dispatch
from workers.webhooks.render import TOLD

pytestmark = pytest.mark.anyio

URL = "https://example.com/hook"


async def deliveries(stage: Stage) -> list[tuple[Any, ...]]:
    """Return all deliveries: to whom, of what, and whether it is their turn."""
    return await stage.rows(
        "SELECT endpoint_id, position, event, next_attempt_at IS NOT NULL FROM ops.deliveries ORDER BY 1, 2"
    )


async def test_an_endpoint_is_told_of_what_it_asked_for_since_it_was_there(stage: Stage) -> None:
    """Not of other names, not of earlier facts; one that is not active of nothing."""
    before = await stage.deviation()
    await stage.webhook(URL, ("deviation.created", "deviation.created"))
    await stage.webhook(URL, ("deviation.updated",))
    await stage.webhook(URL, active=False)
    await stage.edit(before, "changed")
    await stage.deviation()
    dispatching = Dispatching(stage)
    await dispatching.go()
    assert await deliveries(stage) == [(1, 7, "deviation.created", True), (2, 6, "deviation.updated", True)]
    assert sorted(dispatching.woken) == [1, 2]


async def test_a_records_later_facts_wait_for_their_turn(stage: Stage) -> None:
    """Whether they come in the same batch or in a later one."""
    await stage.webhook(URL)
    deviation = await stage.deviation()
    await stage.edit(deviation, "a")
    dispatching = Dispatching(stage)
    await dispatching.go()
    await stage.edit(deviation, "b")
    await stage.deviation()
    await dispatching.go()
    assert [turn for *_, turn in await deliveries(stage)] == [True, False, False, True]


async def test_a_delivery_added_while_the_one_before_is_being_settled_gets_its_turn(stage: Stage) -> None:
    """The dispatcher waits for how that ends, instead of queueing behind what is about to be gone."""
    await stage.webhook(URL)
    deviation = await stage.deviation()
    dispatching = Dispatching(stage)
    await dispatching.go()
    await stage.edit(deviation, "a")
    settling = await connect(stage.database.app_dsn, "test")
    await settling.execute("BEGIN")
    await settling.execute("UPDATE ops.deliveries SET state = 'delivered', next_attempt_at = NULL")
    going = asyncio.create_task(dispatching.go())
    await until(stage.somebody_waits)
    await settling.execute("COMMIT")
    await going
    await settling.close()
    assert (await deliveries(stage))[1] == (1, 4, "deviation.updated", True)


async def test_dispatching_twice_is_a_no_op(stage: Stage) -> None:
    """From the very beginning: same deliveries, same ids; what was lost is there again, with the id it had."""
    await stage.webhook(URL)
    deviation = await stage.deviation()
    await stage.edit(deviation, "a")
    await Dispatching(stage).go()
    everything = "SELECT id, body, state, next_attempt_at FROM ops.delivery_log ORDER BY position"
    before = await stage.rows(everything)
    await stage.rows("UPDATE ops.positions SET position = 0 WHERE name = 'webhooks.dispatch'")
    await Dispatching(stage).go()
    assert await stage.rows(everything) == before
    await stage.rows("UPDATE ops.positions SET position = 0 WHERE name = 'webhooks.dispatch'")
    await stage.rows("DELETE FROM ops.deliveries")
    await Dispatching(stage).go()
    assert [row[0] for row in await stage.rows(everything)] == [row[0] for row in before]


async def test_what_is_missing_behind_what_was_delivered_gets_its_turn(stage: Stage) -> None:
    """Dispatched again, a delivery is behind another only where that one is still to be made."""
    await stage.webhook(URL)
    deviation = await stage.deviation()
    await stage.edit(deviation, "a")
    await Dispatching(stage).go()
    await stage.rows("UPDATE ops.deliveries SET state = 'delivered', next_attempt_at = NULL WHERE position = 3")
    await stage.rows("DELETE FROM ops.deliveries WHERE position = 4")
    await stage.rows("UPDATE ops.positions SET position = 0 WHERE name = 'webhooks.dispatch'")
    await Dispatching(stage).go()
    assert (await deliveries(stage))[1] == (1, 4, "deviation.updated", True)


async def test_a_deleted_webhook_is_told_no_more(stage: Stage) -> None:
    """What waits is given up without a body, its secrets are dropped; its drain is woken, to see that."""
    webhook = await stage.webhook(URL)
    await stage.deviation()
    dispatching = Dispatching(stage)
    await dispatching.go()
    await stage.remove_webhook(webhook)
    await stage.deviation()
    await dispatching.go()
    assert len(await deliveries(stage)) == 1
    assert dispatching.woken == [webhook, webhook]
    assert await stage.rows("SELECT state, body, last_error FROM ops.delivery_log") == [
        ("failed", None, "the webhook was deleted")
    ]
    assert await stage.rows("SELECT FROM ops.webhook_secrets") == []


async def test_nothing_is_rendered_for_nobody(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a subscriber no record is folded and no body is made."""
    await stage.webhook(URL, ("deviation.closed",))
    await stage.deviation()
    monkeypatch.setattr(module, "body_of", None)
    monkeypatch.setattr(Dispatch, "_records", None)
    await Dispatching(stage).go()
    assert await deliveries(stage) == []


async def test_names_are_read_again_when_users_change(stage: Stage) -> None:
    """The body says what a user was called when it was made."""
    await stage.webhook(URL)
    second = await stage.user("second")
    await stage.deviation(actor=second)
    dispatching = Dispatching(stage)
    await dispatching.go()
    assert len(await deliveries(stage)) == 1
    await stage.user("third")
    await dispatching.go()
    assert dispatching.dispatch._people._known == {}


async def test_a_change_of_a_webhook_counts_from_where_it_stands(stage: Stage) -> None:
    """Although all of it comes in one batch: other events, not at all for a while, and again."""
    webhook = await stage.webhook(URL, ("deviation.created",))
    deviation = await stage.deviation()
    await stage.edit(deviation, "not asked for")
    await stage.change_webhook(webhook, events=("deviation.updated",))
    await stage.edit(deviation, "asked for")
    await stage.change_webhook(webhook, active=False)
    await stage.edit(deviation, "not active")
    await stage.change_webhook(webhook, active=True)
    await stage.edit(deviation, "active again")
    await Dispatching(stage).go()
    assert await deliveries(stage) == [
        (1, 3, "deviation.created", True),
        (1, 6, "deviation.updated", False),
        (1, 10, "deviation.updated", False),
    ]


async def test_a_change_that_is_seen_again_does_nothing(stage: Stage) -> None:
    """Neither it nor what came before it: nobody is told of old facts because he asks for more today."""
    webhook = await stage.webhook(URL, ("deviation.created",))
    deviation = await stage.deviation()
    await stage.edit(deviation, "before")
    await stage.change_webhook(webhook, url="https://example.com/new", events=("deviation.updated",))
    await Dispatching(stage).go()
    await stage.rows("UPDATE ops.endpoints SET disabled_at = now(), disabled_reason = 'gone'")
    await stage.rows("UPDATE ops.positions SET position = 0 WHERE name = 'webhooks.dispatch'")
    await Dispatching(stage).go()
    assert await deliveries(stage) == [(1, 3, "deviation.created", True)]
    assert await stage.rows("SELECT url, disabled_reason FROM ops.endpoints") == [("https://example.com/new", "gone")]


async def test_what_is_known_of_the_trouble_of_an_endpoint_ends_with_its_url(stage: Stage) -> None:
    webhook = await stage.webhook(URL)
    failing = "UPDATE ops.endpoints SET failing_since = now()"
    dispatching = Dispatching(stage)
    await dispatching.go()
    for change, told in (({"events": ("capa.closed",)}, False), ({"url": URL}, False), ({"url": f"{URL}/new"}, True)):
        await stage.rows(failing)
        await stage.change_webhook(webhook, **change)
        await dispatching.go()
        assert await stage.rows("SELECT failing_since IS NULL FROM ops.endpoints") == [(told,)]


def test_every_public_event_is_of_a_kind_that_is_told_of() -> None:
    assert {name.partition(".")[0] for name in PUBLIC_EVENTS} == set(TOLD)
