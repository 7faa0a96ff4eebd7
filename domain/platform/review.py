"""The review of the trail: somebody else than who did it looks at each event that may matter (EU GMP Annex 11, 9).

A review is there by nature, one for each event, under the event's position; what was recorded of it is its stream.
"""

from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.events import Attempt, Event, Recorded, fact, stream_id
from domain.platform.users import USERS
from domain.workflow import Guard, Step, Who, Workflow

KIND = "review"
PENDING: Final = "PENDING"
ACCEPTED: Final = "ACCEPTED"
QUESTIONED: Final = "QUESTIONED"


class Review(Struct, frozen=True, kw_only=True):
    """The review of the event at a position, as folded from its own events.

    event: what is reviewed, by its topic. concerned: who did it, who signed it, and whose name was given; befell: the
    stream that it is of, a user's own where it befell one. Both are known where the event is at hand.
    """

    id: int = 0
    stream: UUID = stream_id(KIND, 0)
    version: int = 0
    status: str = PENDING
    event: str = ""
    concerned: tuple[int, ...] = ()
    befell: UUID | None = None


@fact("review.accepted")
class ReviewAccepted(Event, frozen=True, kw_only=True):
    """Somebody looked at an event and found nothing wrong with it. `id`: the event's position."""

    id: int = 0
    event: str = ""


@fact("review.questioned")
class ReviewQuestioned(Event, frozen=True, kw_only=True):
    """Somebody looked at an event and wants to know more, or has something done; the reason says what."""

    id: int = 0
    event: str = ""


@fact("review.resolved")
class ReviewResolved(Event, frozen=True, kw_only=True):
    """What was questioned is answered; the reason says how."""

    id: int = 0
    event: str = ""


def evolve(review: Review | None, recorded: Recorded) -> Review:
    """Fold one event into a review. Total: one that says nothing of the state moves the version on alone."""
    before = review or Review(stream=recorded.stream)
    event = recorded.event
    if isinstance(event, ReviewAccepted | ReviewQuestioned | ReviewResolved):
        before = replace(before, id=event.id, event=event.event)
    return replace(before, version=recorded.version, status=event.to_state or before.status)


def of(reviewed: Recorded, review: Review | None) -> Review:
    """Return the review of an event: as folded from its own, None before there are any; with whom it concerns."""
    event = reviewed.event
    signer = event.signature.signer if event.signature else None
    concerned = tuple(dict.fromkeys(user for user in (event.actor, signer, about(event, None)) if user is not None))
    native = Review(id=reviewed.position, stream=stream_id(KIND, reviewed.position), event=event.topic)
    return replace(review or native, concerned=concerned, befell=reviewed.stream)


def about(event: Event, identity: int | None) -> int | None:
    """Return the user whom an event is about: whose record it is (`identity`, where that is known), or who is named.

    A failed sign-in names whose name was given; who owns or investigates a record is not whom its events are about.
    """
    named: int | None = identity if event.kind == USERS.kind else getattr(event, "user", None)
    return named


def _concerns(it: Review, user: int | None) -> bool:
    return user in it.concerned or (user is not None and it.befell == stream_id(USERS.kind, user))


def decide(review: Review, step: Step[Review], attempt: Attempt) -> Event:
    """Return the fact of a step. Raises as `Workflow.decide` does."""
    return REVIEWS.decide(step, review, attempt, {"id": review.id, "event": review.event})


_REVIEWS: Who[Review] = Who("audit.review", "who reviews the audit trail")
_ANOTHER: Guard[Review] = Guard(
    "Nobody reviews what he did or signed himself, nor what is about him.",
    lambda it, attempt, _: not _concerns(it, attempt.actor.id),
)
_NO_REVIEW: Guard[Review] = Guard(
    "A review is not reviewed itself.", lambda it, _, __: it.event.partition(".")[0] != KIND
)
_GUARDS = (_ANOTHER, _NO_REVIEW)

REVIEWS: Workflow[Review] = Workflow(
    kind=KIND,
    states=(PENDING, ACCEPTED, QUESTIONED),
    creation=None,
    steps=(
        Step("accept", (PENDING,), ACCEPTED, ReviewAccepted, (_REVIEWS,), _GUARDS),
        Step("question", (PENDING, ACCEPTED), QUESTIONED, ReviewQuestioned, (_REVIEWS,), _GUARDS, ("reason",)),
        Step("resolve", (QUESTIONED,), ACCEPTED, ReviewResolved, (_REVIEWS,), _GUARDS, ("reason",)),
    ),
    evolve=evolve,
)
