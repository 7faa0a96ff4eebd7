"""Webhooks: who is told of which facts, and where. The secret is not a fact; it is kept sealed, apart."""

from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from domain.errors import Fault
from domain.events import Event, Recorded, fact
from domain.workflow import Data, Guard, Step, Who, Workflow

LISTED, DELETED = "listed", "deleted"

#: A name that a webhook may subscribe to.
PublicEvent = Literal[
    "deviation.created",
    "deviation.updated",
    "deviation.approved",
    "deviation.closed",
    "capa.created",
    "capa.updated",
    "capa.approved",
    "capa.closed",
]
PUBLIC_EVENTS: tuple[str, ...] = get_args(PublicEvent)

#: A secret that begins so is the base64 of a key, of so many bytes as Standard Webhooks has it.
ENCODED = "whsec_"
LEAST_KEY_BYTES, MOST_KEY_BYTES = 24, 64

#: Which deliveries are asked for again, by how they ended.
Settled = Literal["all", "delivered", "failed"]
SETTLED: tuple[str, ...] = get_args(Settled)


class Webhook(Struct, frozen=True, kw_only=True):
    """A subscriber's endpoint as folded from events."""

    id: int
    stream: UUID
    version: int
    status: str
    url: str
    events: tuple[str, ...]
    active: bool
    created: datetime


@fact("webhook.created", numbered={"id": "webhook"})
class WebhookCreated(Event, frozen=True, kw_only=True):
    """Somebody wants to be told."""

    id: int = 0
    url: str
    events: tuple[str, ...]
    active: bool = True


@fact("webhook.updated")
class WebhookUpdated(Event, frozen=True, kw_only=True):
    """Somebody wants to be told elsewhere, of other facts, not at all for now, or again."""

    url: str | UnsetType = UNSET
    events: tuple[str, ...] | UnsetType = UNSET
    active: bool | UnsetType = UNSET


@fact("webhook.secret_rotated")
class WebhookSecretRotated(Event, frozen=True, kw_only=True):
    """Another secret signs from now on; those before it sign beside it for `overlap_seconds`. No secret is here."""

    overlap_seconds: int


@fact("webhook.redelivery_requested")
class WebhookRedeliveryRequested(Event, frozen=True, kw_only=True):
    """Somebody wants one delivery to be made again, or those about facts of a window of time.

    until: exclusive; None for all that there was when this was recorded. state: all, or those that are in it.
    count: how many there were when it was asked.
    """

    delivery: str = ""
    since: datetime | None = None
    until: datetime | None = None
    state: str = "all"
    count: int = 0


@fact("webhook.deleted")
class WebhookDeleted(Event, frozen=True, kw_only=True):
    """Nobody is told at this endpoint any more."""


def encoded_key(secret: str) -> bytes | None:
    """Return the key that `whsec_<base64>` encodes; None for every other secret."""
    if not secret.startswith(ENCODED):
        return None
    try:
        return b64decode(secret.removeprefix(ENCODED), validate=True)
    except ValueError:
        return None


def secret_fault(secret: str) -> str:
    """Return what is wrong with a secret that is to sign, "" for nothing; one that encodes nothing is a key itself."""
    if not secret.startswith(ENCODED):
        return ""
    if LEAST_KEY_BYTES <= len(encoded_key(secret) or b"") <= MOST_KEY_BYTES:
        return ""
    return f"What begins with {ENCODED} must go on with the base64 of {LEAST_KEY_BYTES} to {MOST_KEY_BYTES} bytes."


def evolve(webhook: Webhook | None, recorded: Recorded) -> Webhook:
    """Fold one event into a webhook. Total: an event that says nothing of the fields moves the version on alone."""
    event = recorded.event
    if isinstance(event, WebhookCreated):
        return Webhook(
            id=event.id,
            stream=recorded.stream,
            version=recorded.version,
            status=LISTED,
            url=event.url,
            events=event.events,
            active=event.active,
            created=recorded.at,
        )
    assert webhook is not None  # noqa: S101 - a stream begins with its creation: the ledger demands the next version.
    changed = _changed(event) if isinstance(event, WebhookUpdated) else {}
    return replace(webhook, version=recorded.version, status=event.to_state or webhook.status, **changed)


def _changed(event: WebhookUpdated) -> dict[str, Any]:
    given = {name: getattr(event, name) for name in ("url", "events", "active")}
    return {name: value for name, value in given.items() if value is not UNSET}


def _names_events(_: Webhook | None, data: Data) -> Sequence[Fault]:
    return [Fault("events", "Name at least one event.")] if data.get("events") == () else []


def _window(_: Webhook | None, data: Data) -> Sequence[Fault]:
    since, until = data.get("since"), data.get("until")
    backwards = isinstance(since, datetime) and isinstance(until, datetime) and until <= since
    return [Fault("until", "Must be after since.")] if backwards else []


_MANAGES: Who[Webhook] = Who("webhook.manage", "who manages webhooks")
_IS_ACTIVE: Guard[Webhook] = Guard(
    "The webhook is not active: nothing is sent until it is again.", lambda it, _, __: it.active
)

WEBHOOKS: Workflow[Webhook] = Workflow(
    kind="webhook",
    states=(LISTED, DELETED),
    creation=Step("create", (), LISTED, WebhookCreated, (_MANAGES,), requires=("url", "events")),
    steps=(
        Step("update", (LISTED,), None, WebhookUpdated, (_MANAGES,), check=_names_events, edit=True),
        Step("rotate_secret", (LISTED,), None, WebhookSecretRotated, (_MANAGES,), edit=True),
        Step(
            "redeliver",
            (LISTED,),
            None,
            WebhookRedeliveryRequested,
            (_MANAGES,),
            guards=(_IS_ACTIVE,),
            check=_window,
            edit=True,
        ),
        Step("delete", (LISTED,), DELETED, WebhookDeleted, (_MANAGES,)),
    ),
    evolve=evolve,
    choices={"events": PUBLIC_EVENTS, "state": SETTLED},
)
