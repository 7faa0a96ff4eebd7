"""What Masetra's clients send and get of webhooks and their deliveries."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from api.dialects.masetra.forms import Page
from api.dialects.masetra.shapes import Short
from api.fields import END, LINE, VERBATIM
from api.records.shapes import Sentence
from domain.platform.webhooks import PublicEvent, Settled

Url = Annotated[str, Meta(min_length=1, max_length=2000), LINE]
Events = Annotated[list[PublicEvent], Meta(min_length=1, max_length=50)]
Secret = Annotated[str, Meta(min_length=1, max_length=500), VERBATIM]


class WebhookIn(Struct, frozen=True, kw_only=True):
    """A new webhook."""

    url: Url
    events: Events
    secret: Secret
    active: bool = True


class WebhookChange(Struct, frozen=True, kw_only=True):
    """Fields to change; those that are not given stay. Another `secret` is a rotation to it."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    secret: Secret | UnsetType = UNSET
    reason: Sentence | None = None


class RotationIn(Struct, frozen=True, kw_only=True):
    """The secret that is to sign; without one, one is made."""

    secret: Secret | None = None
    reason: Sentence | None = None


class WebhookOut(Struct, frozen=True):
    """A webhook; the secret is never shown."""

    id: int
    url: str
    events: tuple[str, ...]
    active: bool
    created: datetime
    failing_since: datetime | None


class WebhookPage(Struct, frozen=True):
    """A page of webhooks."""

    count: int
    next: str | None
    previous: str | None
    results: list[WebhookOut]


class RotationOut(WebhookOut, frozen=True, kw_only=True):
    """A webhook whose secret was rotated: how long the old one signs too, and the new one where it was made here.

    That is shown this one time.
    """

    overlap_seconds: int
    secret: str | UnsetType = UNSET


class DeliveryQuery(Page, frozen=True, kw_only=True):
    """What a log is filtered by. Times are those of the facts; a date means that UTC day, both ends in."""

    state: Short | None = None
    event: Short | None = None
    since: datetime | None = None
    until: Annotated[datetime | None, END] = None


class RecordRef(Struct, frozen=True):
    """The record that a delivery is about."""

    kind: str
    id: int


class DeliveryOut(Struct, frozen=True):
    """A delivery. timestamp: when the fact was recorded, as the body says it; attempts: how many were made."""

    id: str
    event: str
    record: RecordRef
    position: int
    timestamp: datetime
    state: str
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None


class DeliveryPage(Struct, frozen=True):
    """A page of a webhook's log, newest first."""

    count: int
    next: str | None
    previous: str | None
    results: list[DeliveryOut]


class AttemptOut(Struct, frozen=True):
    """One attempt at a delivery."""

    number: int
    at: datetime
    status: int | None
    milliseconds: int
    error: str | None


class DeliveryDetail(DeliveryOut, frozen=True, kw_only=True):
    """A delivery with its attempts, and to who manages webhooks its body, null once that is kept no more."""

    attempt_log: list[AttemptOut]
    body: dict[str, Any] | UnsetType | None = UNSET


class RedeliveryIn(Struct, frozen=True):
    """Why it is to be sent again."""

    reason: Sentence | None = None


class RedeliveriesIn(Struct, frozen=True, kw_only=True):
    """What is to be sent again: what tells of facts since a time, and until another."""

    since: datetime
    until: Annotated[datetime | None, END] = None
    state: Settled = "all"
    reason: Sentence | None = None


class RedeliveryOut(Struct, frozen=True):
    """How many deliveries are to be made again."""

    count: int
