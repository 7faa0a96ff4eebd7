"""Webhooks: who is told of which facts, and where. The secret is not a fact; it is kept sealed, apart."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.events import Event, Recorded, fact
from domain.workflow import Step, Who, Workflow

LISTED, DELETED = "listed", "deleted"

#: Every name that a webhook may subscribe to.
PUBLIC_EVENTS = ("deviation.created", "deviation.updated", "deviation.approved", "deviation.closed")


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


@fact("webhook.deleted")
class WebhookDeleted(Event, frozen=True, kw_only=True):
    """Nobody is told at this endpoint any more."""


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
    return replace(webhook, version=recorded.version, status=event.to_state or webhook.status)


_MANAGES: Who[Webhook] = Who("webhook.manage", "who manages webhooks")

WEBHOOKS: Workflow[Webhook] = Workflow(
    kind="webhook",
    states=(LISTED, DELETED),
    creation=Step("create", (), LISTED, WebhookCreated, (_MANAGES,), requires=("url", "events")),
    steps=(Step("delete", (LISTED,), DELETED, WebhookDeleted, (_MANAGES,)),),
    evolve=evolve,
    choices={"events": PUBLIC_EVENTS},
)
