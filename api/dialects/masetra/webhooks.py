"""Webhooks: list, look at, add, delete."""

from datetime import datetime

import msgspec

from api.actions import Given, Loaded, attempt, change, create
from api.call import Call, NoQuery, fault
from api.dialects.masetra import platform_shapes, shapes
from api.dialects.masetra.forms import Page, page_reply
from api.input import together
from api.reply import Reply, record_reply
from domain.errors import NotFound
from domain.events import Event
from domain.platform.urls import check_url
from domain.platform.webhooks import LISTED, WEBHOOKS, Webhook
from projections.deviation_views import seconds
from projections.webhook_queries import find, one
from projections.webhook_secrets import store_secret


async def list_webhooks(call: Call) -> Reply:
    """Answer a page of webhooks, newest first."""
    call.require("webhook.read")
    query = call.query(Page)
    async with call.doors.pool.connection() as connection:
        count, listed = await find(connection, call.doors.webhooks, query.size, query.offset)
    ready = b",".join(msgspec.json.encode(webhook_out(it.webhook, it.failing_since, ended=it.ended)) for it in listed)
    return page_reply(call, query, count, ready)


async def get_webhook(call: Call) -> Reply:
    """Answer one webhook."""
    _check_seen(call)
    async with call.doors.pool.connection() as connection:
        it = await one(connection, call.doors.webhooks, call.record_id)
    if it is None:
        raise NotFound(f"There is no webhook {call.record_id}.")
    call.query(NoQuery)
    return record_reply(it.webhook.version, webhook_out(it.webhook, it.failing_since, ended=it.ended))


async def add_webhook(call: Call) -> Reply:
    """Add a webhook; its secret is kept sealed, and never shown."""
    call.require("webhook.manage")
    given = call.given(platform_shapes.WebhookIn)
    reason = check_url(given.url, allow_private=call.doors.settings.webhook_allow_private)
    if reason is not None:
        raise fault("url", f"The URL {reason}.")
    data = {"url": given.url, "events": tuple(dict.fromkeys(given.events)), "active": given.active}
    made = WEBHOOKS.create(await attempt(call, Loaded(None, []), Given()), data)
    return await create(
        call,
        WEBHOOKS,
        made,
        lambda webhook: record_reply(webhook.version, webhook_out(webhook, None, ended=False), 201),
        statements=lambda webhook: [store_secret(webhook.id, given.secret, call.doors.vault)],
    )


async def delete_webhook(call: Call) -> Reply:
    """Delete a webhook: nobody is told there any more."""
    _check_seen(call)
    step = WEBHOOKS.step("delete")

    async def decide(loaded: Loaded) -> list[Event]:
        if loaded.record.status != LISTED:
            raise NotFound(f"There is no webhook {loaded.record.id}.")
        call.check_version(loaded.record.version)
        query, body = together(lambda: call.query(shapes.RemovalQuery), lambda: call.body.read(shapes.RemovalIn))
        given = Given(reason=query.reason or body.reason)
        return [WEBHOOKS.decide(step, loaded.record, await attempt(call, loaded, given), {})]

    return await change(call, WEBHOOKS, call.record_id, decide, lambda webhook: Reply(status=204))


def _check_seen(call: Call) -> None:
    """Raise NotFound where one webhook is asked for by somebody who may see none."""
    if not call.actor.may("webhook.read"):
        raise NotFound(f"There is no webhook {call.record_id}.")


def webhook_out(webhook: Webhook, failing_since: datetime | None, *, ended: bool) -> platform_shapes.WebhookOut:
    """Return a webhook as the API shows it; one that its receiver ended with 410 is not active any more."""
    return platform_shapes.WebhookOut(
        id=webhook.id,
        url=webhook.url,
        events=webhook.events,
        active=webhook.active and not ended,
        created=seconds(webhook.created),
        failing_since=failing_since and seconds(failing_since),
    )
