"""Reviewing the trail: one event, or several in one append."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from api.actions import Given, Loaded, attempt, change_each
from api.call import Call, NoQuery, fault
from api.dialects.masetra.audit_trail import check_seen
from api.dialects.masetra.trail_shapes import ReviewIn, ReviewItem, ReviewOut, ReviewsIn, ReviewsOut
from api.errors import ItemRefused, Several
from api.records.shapes import TransitionsOut
from api.reply import Reply
from domain.errors import FlowledgerError, NotFound
from domain.events import Event
from domain.platform import review as rules
from domain.platform.review import REVIEWS, Review
from ledger.append import VersionConflict
from projections.streams import histories
from projections.trail_queries import events_at

_TRIES = 10
_PERMISSION = "audit.review"

Reviews = Mapping[int, Review]


class _Decided(NamedTuple):
    """A review as it is, and the fact that moves it on."""

    review: Review
    event: Event


async def review(call: Call) -> Reply:
    """Fire one step of the review of an event."""
    position = call.path_id("position")

    async def decide(reviews: Reviews) -> Sequence[_Decided]:
        it = _there(reviews, position)
        call.require(_PERMISSION)
        given = call.given(ReviewIn)
        step = REVIEWS.transition(given.transition)
        words = Given(comment=given.comment, reason=given.reason)
        return [_Decided(it, rules.decide(it, step, await attempt(call, Loaded(it, []), words)))]

    def render(reviews: Reviews) -> Reply:
        return Reply(body=msgspec.json.encode(_out(reviews[position])))

    return await _changed(call, [position], decide, render)


async def review_several(call: Call) -> Reply:
    """Have the reviews of several events in the states that are asked for: all of them, or none."""
    call.require(_PERMISSION)
    given = call.given(ReviewsIn)
    positions = [item.position for item in given.items]
    twice = {position for position, times in Counter(positions).items() if times > 1}

    async def decide(reviews: Reviews) -> Sequence[_Decided]:
        decided, refused = list[_Decided](), list[ItemRefused]()
        for place, item in enumerate(given.items):
            try:
                decided += await _moved(call, given, item, reviews, twice)
            except FlowledgerError as error:
                refused.append(ItemRefused(place, item.position, error))
        if refused:
            raise Several(refused)
        return decided

    def render(reviews: Reviews) -> Reply:
        return Reply(body=msgspec.json.encode(ReviewsOut([_out(reviews[position]) for position in positions])))

    return await _changed(call, positions, decide, render)


async def offers(call: Call) -> Reply:
    """Answer every step of the review of an event: whether who asks may take it now, and why not."""
    check_seen(call)
    position = call.path_id("position")
    it = _there(await _load(call, [position]), position)
    call.query(NoQuery)
    return Reply(body=msgspec.json.encode(TransitionsOut(it.status, REVIEWS.offers(it, call.actor))))


async def _moved(
    call: Call, given: ReviewsIn, item: ReviewItem, reviews: Reviews, twice: set[int]
) -> Sequence[_Decided]:
    """Return the fact that takes the review of an event to the state that is asked for; none where it is in it."""
    it = _there(reviews, item.position)
    if it.id in twice:
        raise fault("position", "Given more than once.")
    if it.status == item.status:
        return []
    words = Given(comment=item.comment or given.comment, reason=item.reason or given.reason)
    who = await attempt(call, Loaded(it, []), words)
    return [_Decided(it, rules.decide(it, REVIEWS.leading_to(it, item.status), who))]


async def _changed(
    call: Call,
    positions: Sequence[int],
    decide: Callable[[Reviews], Awaitable[Sequence[_Decided]]],
    render: Callable[[Reviews], Reply],
) -> Reply:
    """Append what is decided of reviews as they are now, again where another was faster."""

    def shown(reviews: Reviews, after: Sequence[Review]) -> Reply:
        return render({**reviews, **{it.id: it for it in after}})

    for _ in range(_TRIES):
        reviews = await _load(call, positions)
        decided = await decide(reviews)
        try:
            return await change_each(call, REVIEWS, decided, partial(shown, reviews))
        except VersionConflict:
            continue
    raise VersionConflict("Too many others review these events at the moment; ask again.")


async def _load(call: Call, positions: Sequence[int]) -> Reviews:
    """Return the reviews of events as they are now, by position; none of what is no event."""
    codec = call.doors.codec
    async with call.doors.pool.connection() as connection:
        reviewed = codec.recorded(await events_at(connection, positions))
        natives = {it.position: rules.of(it, None) for it in reviewed}
        its = await histories(connection, codec, [it.stream for it in natives.values()])
    folded: dict[int, Any] = {at: REVIEWS.fold(its[native.stream]) for at, native in natives.items()}
    return {it.position: rules.of(it, folded[it.position]) for it in reviewed}


def _there(reviews: Reviews, position: int) -> Review:
    if position not in reviews:
        raise NotFound(f"There is no event {position}.")
    return reviews[position]


def _out(it: Review) -> ReviewOut:
    return ReviewOut(it.id, it.event, it.status, it.version)  # type: ignore[arg-type]
