"""The log of a webhook's deliveries, and making them again."""

import re
from typing import Any

import msgspec
from msgspec import UNSET

from api.actions import Given, Loaded, attempt, change
from api.call import Call, NoQuery
from api.dialects.masetra import webhook_shapes as shapes
from api.dialects.masetra.forms import page_reply
from api.dialects.masetra.webhooks import check_seen, managed, none_such
from api.reply import Reply
from domain.errors import Conflict, NotFound
from domain.events import Event
from domain.platform.webhooks import WEBHOOKS, Webhook
from ledger.keys import KeyMissing
from projections.delivery_log import (
    LogFilter,
    Logged,
    Window,
    attempts_of,
    body_context,
    count_redeliverable,
    find,
    one,
)
from projections.shown import seconds
from projections.webhook_queries import health
from projections.webhook_queries import one as one_webhook

_STEP = WEBHOOKS.step("redeliver")
_PENDING = "pending"
_ID = re.compile(r"msg_[0-9a-f]{32}", re.ASCII)


async def list_deliveries(call: Call) -> Reply:
    """Answer a page of a webhook's log, newest first."""
    await _check_there(call)
    query = call.query(shapes.DeliveryQuery)
    wanted = LogFilter(
        webhook=call.record_id, state=query.state, event=query.event, since=query.since, until=query.until
    )
    async with call.doors.pool.connection() as connection:
        count, logged = await find(connection, wanted, query.size, query.offset)
    ready = b",".join(msgspec.json.encode(shapes.DeliveryOut(**_shown(it))) for it in logged)
    return page_reply(call, query, count, ready)


async def get_delivery(call: Call) -> Reply:
    """Answer one delivery with all its attempts; its body to who manages webhooks."""
    await _check_there(call)
    it, sealed = await _found(call)
    async with call.doors.pool.connection() as connection:
        attempts = await attempts_of(connection, it.id)
    call.query(NoQuery)
    body = _opened(call, it.id, sealed) if call.actor.may("webhook.manage") else UNSET
    log = [shapes.AttemptOut(a.number, seconds(a.at), a.status, a.milliseconds, a.error) for a in attempts]
    return Reply(body=msgspec.json.encode(shapes.DeliveryDetail(**_shown(it), attempt_log=log, body=body)))


async def redeliver(call: Call) -> Reply:
    """Make one delivery again: the same message, under the same id."""
    check_seen(call)
    count = 0

    async def decide(loaded: Loaded) -> list[Event]:
        nonlocal count
        it, body = await _found(call)
        webhook = managed(call, loaded, _STEP)
        given = call.given(shapes.RedeliveryIn)
        count = int(it.state != _PENDING)
        if not count:
            return []
        data = {"delivery": it.id, "count": count}
        fact = WEBHOOKS.decide(_STEP, webhook, await attempt(call, loaded, Given(reason=given.reason)), data)
        await _check_sends(call, webhook)
        if body is None:
            raise Conflict("The body of this delivery is not kept any more.")
        return [fact]

    return await change(call, WEBHOOKS, call.record_id, decide, lambda webhook: _queued(count))


async def redeliver_window(call: Call) -> Reply:
    """Make all deliveries again that tell of facts of a window of time."""
    check_seen(call)
    count = 0

    async def decide(loaded: Loaded) -> list[Event]:
        nonlocal count
        webhook = managed(call, loaded, _STEP)
        given = call.given(shapes.RedeliveriesIn)
        window = Window(given.since, given.until, given.state)
        async with call.doors.pool.connection() as connection:
            count = await count_redeliverable(connection, webhook.id, window)
        data = {**window._asdict(), "count": count}
        fact = WEBHOOKS.decide(_STEP, webhook, await attempt(call, loaded, Given(reason=given.reason)), data)
        await _check_sends(call, webhook)
        return [fact] if count else []

    return await change(call, WEBHOOKS, call.record_id, decide, lambda webhook: _queued(count))


async def _check_there(call: Call) -> None:
    """Raise NotFound for a webhook that is not there, or not to be seen."""
    check_seen(call)
    async with call.doors.pool.connection() as connection:
        if await one_webhook(connection, call.doors.webhooks, call.record_id) is None:
            raise none_such(call)


async def _found(call: Call) -> tuple[Logged, bytes | None]:
    """Return the delivery that the path names, and its body, sealed. Raises NotFound."""
    delivery = str(call.request.path_params["delivery_id"])
    if _ID.fullmatch(delivery):
        async with call.doors.pool.connection() as connection:
            if found := await one(connection, call.record_id, delivery):
                return found
    raise NotFound("There is no such delivery.")


async def _check_sends(call: Call, webhook: Webhook) -> None:
    """Raise Conflict where the receiver said that it is gone."""
    async with call.doors.pool.connection() as connection:
        if (await health(connection, webhook.id)).ended:
            raise Conflict("The receiver ended the webhook (410): make it active first.")


def _opened(call: Call, delivery: str, sealed: bytes | None) -> dict[str, Any] | None:
    """Return a body; None where it is not kept any more, or its key is gone."""
    try:
        plain = None if sealed is None else call.doors.vault.open(sealed, body_context(delivery))
    except KeyMissing:
        return None
    body: dict[str, Any] | None = None if plain is None else msgspec.json.decode(plain)
    return body


def _queued(count: int) -> Reply:
    return Reply(status=202, body=msgspec.json.encode(shapes.RedeliveryOut(count)))


def _shown(it: Logged) -> dict[str, Any]:
    return {
        "id": it.id,
        "event": it.event,
        "record": shapes.RecordRef(it.event.partition(".")[0], it.record),
        "position": it.position,
        "timestamp": seconds(it.recorded_at),
        "state": it.state,
        "attempts": it.attempts,
        "next_attempt_at": seconds(it.next_attempt_at),
        "delivered_at": seconds(it.delivered_at),
        "last_status": it.last_status,
        "last_error": it.last_error,
    }
