"""What Masetra's clients send and get of the audit trail and its review."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from api.cursors import LONGEST
from api.dialects.masetra.forms import MOST, Sized
from api.dialects.masetra.shapes import Id, Short
from api.fields import END
from api.records.shapes import ActorOut, HistoryEntry, Sentence, Words
from domain.platform.risk import Risk

Form = Literal["json", "csv", "ndjson"]
Standing = Literal["PENDING", "ACCEPTED", "QUESTIONED"]


class Narrowed(Sized, frozen=True, kw_only=True):
    """What the trail is narrowed to. Times are those of recording; a date means that UTC day, both ends in.

    user: who did it, signed it, or is whom it is about. event: one or several by commas. search: all of these words.
    """

    record: Short | None = None
    kind: Short | None = None
    user: Id | None = None
    event: Annotated[str, Meta(max_length=2_000)] | None = None
    risk: Risk | None = None
    address: Short | None = None
    since: datetime | None = None
    until: Annotated[datetime | None, END] = None
    search: Annotated[str, Meta(max_length=500)] | None = None
    cursor: Annotated[str, Meta(max_length=LONGEST)] | None = None


class TrailQuery(Narrowed, frozen=True, kw_only=True):
    """What the trail is narrowed to, and in which form it is wanted."""

    format: Form | None = None


class QueueQuery(Narrowed, frozen=True, kw_only=True):
    """What of the queue is wanted. `status`: how the review stands; without it, all that is not accepted."""

    status: Standing | None = None


class RecordRef(Struct, frozen=True):
    """The record that an event belongs to; `number` where it bears one."""

    kind: str
    id: int
    number: str | None


class ReviewState(Struct, frozen=True):
    """How the review of an event stands, who saw to it last, and when."""

    status: Standing
    by: ActorOut | None
    at: datetime | None


class TrailEntry(HistoryEntry, frozen=True, kw_only=True):
    """One event of the trail. `review`: null where its risk asks for none, and nobody made one."""

    record: RecordRef
    risk: Risk
    review: ReviewState | None


class TrailPage(Struct, frozen=True):
    """A part of the trail. It may be shorter than was asked for: what is short goes on all the same."""

    next: str | None
    previous: str | None
    results: list[TrailEntry]


class ReviewIn(Words, frozen=True, kw_only=True):
    """A step in the review of an event."""

    transition: Annotated[str, Meta(min_length=1, max_length=100)]


class ReviewItem(Words, frozen=True, kw_only=True):
    """An event of several, and the state that its review is to be in."""

    position: Id
    status: Literal["ACCEPTED", "QUESTIONED"]


class ReviewsIn(Struct, frozen=True, kw_only=True):
    """Several events that are reviewed at once, whole or not at all. The words hold for those that have none."""

    items: Annotated[list[ReviewItem], Meta(min_length=1, max_length=MOST)]
    comment: Sentence | None = None
    reason: Sentence | None = None


class ReviewOut(Struct, frozen=True):
    """The review of an event. `version`: how many facts there are of it."""

    position: int
    event: str
    status: Standing
    version: int


class ReviewsOut(Struct, frozen=True):
    """Reviews, in the order in which they were asked for."""

    results: list[ReviewOut]
