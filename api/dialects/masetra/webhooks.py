"""Webhooks: list, look at, add, delete."""

from typing import Any

import msgspec

from api.actions import Given, Loaded, attempt, change, create
from api.call import Call, NoQuery, fault
from api.dialects.masetra import shapes
from api.dialects.masetra.forms import Page, page_reply
from api.dialects.masetra.webhook_shapes import WebhookIn, WebhookOut
from api.input import together
from api.reply import Reply, record_reply
from domain.errors import Hidden, NotFound
from domain.events import Event
from domain.platform.urls import check_url
from domain.platform.webhooks import LISTED, WEBHOOKS, Webhook, secret_fault
from domain.workflow import Step
from projections.shown import seconds
from projections.webhook_queries import Health, find, one
from projections.webhook_secrets import store_secret


async def list_webhooks(call: Call) -> Reply:
    """Answer a page of webhooks, newest first."""
    call.require("webhook.read")
    query = call.query(Page)
    async with call.doors.pool.connection() as connection:
        count, listed = await find(connection, call.doors.webhooks, query.size, query.offset)
    ready = b",".join(msgspec.json.encode(webhook_out(it.webhook, it.health)) for it in listed)
    return page_reply(call, query, count, ready)


async def get_webhook(call: Call) -> Reply:
    """Answer one webhook."""
    check_seen(call)
    async with call.doors.pool.connection() as connection:
        it = await one(connection, call.doors.webhooks, call.record_id)
    if it is None:
        raise none_such(call)
    call.query(NoQuery)
    return record_reply(it.webhook.version, webhook_out(it.webhook, it.health))


async def add_webhook(call: Call) -> Reply:
    """Add a webhook; its secret is kept sealed, and never shown."""
    call.require("webhook.manage")
    given, *_ = together(lambda: call.given(WebhookIn), lambda: check_target(call), lambda: check_secret(call))
    data = {"url": given.url, "events": tuple(dict.fromkeys(given.events)), "active": given.active}
    made = WEBHOOKS.create(await attempt(call, Loaded(None, []), Given()), data)
    return await create(
        call,
        WEBHOOKS,
        made,
        lambda webhook: record_reply(webhook.version, webhook_out(webhook, Health()), 201),
        statements=lambda webhook: [store_secret(webhook.id, given.secret, call.doors.vault)],
    )


async def delete_webhook(call: Call) -> Reply:
    """Delete a webhook: nobody is told there any more."""
    check_seen(call)
    step = WEBHOOKS.step("delete")

    async def decide(loaded: Loaded) -> list[Event]:
        it = managed(call, loaded, step)
        query, body = together(lambda: call.query(shapes.RemovalQuery), lambda: call.body.read(shapes.RemovalIn))
        given = Given(reason=query.reason or body.reason)
        return [WEBHOOKS.decide(step, it, await attempt(call, loaded, given), {})]

    return await change(call, WEBHOOKS, call.record_id, decide, lambda webhook: Reply(status=204))


def managed(call: Call, loaded: Loaded, step: Step[Webhook]) -> Webhook:
    """Return a webhook that who asks, and may see, may take a step with, at the version that is meant.

    Raises NotFound, Denied, PreconditionFailed.
    """
    webhook: Webhook = loaded.record
    if webhook.status != LISTED:
        raise none_such(call)
    WEBHOOKS.authorize(step, webhook, call.actor)
    call.check_version(webhook.version)
    return webhook


def check_seen(call: Call) -> None:
    """Raise NotFound where one webhook is asked for by somebody who may see none."""
    if not call.actor.may("webhook.read"):
        raise Hidden(str(none_such(call)), "webhook.read")


def check_target(call: Call, before: dict[str, Any] | None = None) -> None:
    """Raise InvalidInput for a URL that is no target, unless it is the one that was there before."""
    url = call.body.raw.get("url")
    if not isinstance(url, str) or (before is not None and url == before["url"]):
        return
    if reason := check_url(url, allow_private=call.doors.settings.webhook_allow_private):
        raise fault("url", f"The URL {reason}.")


def check_secret(call: Call) -> None:
    """Raise InvalidInput for a secret that can not sign."""
    secret = call.body.raw.get("secret")
    if isinstance(secret, str) and (says := secret_fault(secret)):
        raise fault("secret", says)


def none_such(call: Call) -> NotFound:
    """Return the refusal of a webhook that is not there, or not to be seen."""
    return NotFound(f"There is no webhook {call.record_id}.")


def webhook_out(webhook: Webhook, health: Health) -> WebhookOut:
    """Return a webhook as the API shows it; one that its receiver ended with 410 is not active any more."""
    return WebhookOut(
        id=webhook.id,
        url=webhook.url,
        events=webhook.events,
        active=webhook.active and not health.ended,
        created=seconds(webhook.created),
        failing_since=seconds(health.failing_since),
    )
