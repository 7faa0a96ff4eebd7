"""Changing webhooks: their fields, and the secret that signs."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict

from api.actions import Given, Loaded, attempt, change
from api.call import Call, fault
from api.dialects.masetra.webhook_shapes import RotationIn, RotationOut, WebhookChange
from api.dialects.masetra.webhooks import check_secret, check_seen, check_target, managed, webhook_out
from api.input import together
from api.records.edits import as_json
from api.reply import Reply, record_reply
from domain.errors import Conflict
from domain.events import Event
from domain.platform.webhooks import ENCODED, WEBHOOKS, Webhook
from ledger.append import Statement
from projections.delivery_log import DISPATCH
from projections.webhook_queries import Health, health
from projections.webhook_secrets import count_secrets, is_current_secret, rotate_secret

_UPDATE, _ROTATE = WEBHOOKS.step("update"), WEBHOOKS.step("rotate_secret")
_KEY_BYTES = 32
#: Secrets of a webhook that sign at the same time: each adds to the header of every delivery.
_MOST_SECRETS = 5


async def change_webhook(call: Call) -> Reply:
    """Change fields; another secret takes the old one's place as a rotation does."""
    check_seen(call)
    rotation = _Rotation(call)
    after = Health()

    async def decide(loaded: Loaded) -> list[Event]:
        nonlocal after
        it = managed(call, loaded, _UPDATE)
        async with call.doors.pool.connection() as connection:
            now = await health(connection, it.id)
        before = as_json(webhook_out(it, now))
        wanted, *_ = together(
            lambda: call.given(WebhookChange, before),
            lambda: check_target(call, before),
            lambda: check_secret(call),
        )
        changes = _changes(it, wanted)
        after = _after(now, changes)
        given = Given(reason=wanted.reason)
        events = [WEBHOOKS.decide(_UPDATE, it, await attempt(call, loaded, given), changes)] if changes else []
        return events + await rotation.decide(loaded, None if wanted.secret is UNSET else wanted.secret, given)

    reply = await change(
        call,
        WEBHOOKS,
        call.record_id,
        decide,
        lambda webhook: record_reply(webhook.version, webhook_out(webhook, after)),
        statements=rotation.statements,
    )
    with suppress(Exception):  # What is committed is answered as committed.
        await call.doors.passed(DISPATCH, reply.position)
    return reply


async def rotate_webhook_secret(call: Call) -> Reply:
    """Have another secret sign, the given one or one made here, and the old one beside it for a while."""
    check_seen(call)
    rotation = _Rotation(call)
    made = f"{ENCODED}{b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"
    shown: dict[str, Any] = {}

    async def decide(loaded: Loaded) -> list[Event]:
        it = managed(call, loaded, _ROTATE)
        given, _ = together(lambda: call.given(RotationIn), lambda: check_secret(call))
        shown["secret"] = made if given.secret is None else UNSET
        async with call.doors.pool.connection() as connection:
            shown["health"] = await health(connection, it.id)
        events = await rotation.decide(loaded, given.secret or made, Given(reason=given.reason))
        if not events:
            raise fault("secret", "This is the secret already.")
        return events

    def render(webhook: Webhook) -> Reply:
        out = webhook_out(webhook, shown["health"])
        return record_reply(
            webhook.version, RotationOut(**asdict(out), overlap_seconds=rotation.overlap, secret=shown["secret"])
        )

    return await change(call, WEBHOOKS, call.record_id, decide, render, statements=rotation.statements)


class _Rotation:
    """A rotation that a call may be: decided before its append, and carried out with it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._secret: str | None = None

    async def decide(self, loaded: Loaded, secret: str | None, given: Given) -> list[Event]:
        """Return the fact of a rotation to a secret; nothing where none is given, or it is the one that signs."""
        self._secret = None
        webhook, vault = loaded.record, self._call.doors.vault
        if secret is None:
            return []
        async with self._call.doors.pool.connection() as connection:
            if await is_current_secret(connection, webhook.id, secret, vault):
                return []
            signing = await count_secrets(connection, webhook.id)
        who = await attempt(self._call, loaded, given)
        fact = WEBHOOKS.decide(_ROTATE, webhook, who, {"overlap_seconds": self.overlap})
        if signing >= _MOST_SECRETS:
            raise Conflict(f"{signing} secrets sign for this webhook already; wait until an old one has expired.")
        self._secret = secret
        return [fact]

    def statements(self, webhook: Webhook) -> Sequence[Statement]:
        """Return what carries it out."""
        if self._secret is None:
            return ()
        return rotate_secret(webhook.id, self._secret, self._call.doors.vault, self.overlap)

    @property
    def overlap(self) -> int:
        """For how many seconds the old secret signs too."""
        return self._call.doors.settings.webhook_overlap_seconds


def _changes(it: Webhook, wanted: WebhookChange) -> dict[str, Any]:
    """Return the fields that change. `active` counts although the record says so: its receiver may have ended it."""
    changes = {
        "url": wanted.url,
        "events": UNSET if wanted.events is UNSET else tuple(dict.fromkeys(wanted.events)),
        "active": wanted.active,
    }
    given = {name: value for name, value in changes.items() if value is not UNSET}
    return {name: value for name, value in given.items() if name == "active" or value != getattr(it, name)}


def _after(now: Health, changes: dict[str, Any]) -> Health:
    """Return how a webhook will be: made active its end is over, and at another URL nothing failed yet."""
    if changes.get("active"):
        return Health()
    return now._replace(failing_since=None) if "url" in changes else now
