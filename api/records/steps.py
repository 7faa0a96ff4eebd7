"""What moves a record on: transitions, removal, and edits with a door of their own."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec import UNSET

from api import actions
from api.actions import Given, Loaded, attempt
from api.call import Call
from api.input import check_given, together
from api.records.resource import Around, Decided, R, Resource, around, changed, check_reads, present
from api.records.shapes import Moving
from api.reply import Reply
from api.signing import check_components
from domain.errors import Fault, InvalidInput
from domain.events import Event
from domain.platform.users import ACTIVE, User
from domain.workflow import Step, Workflow

_LARGEST_ID = 2**63 - 1


async def fire(resource: Resource[R], call: Call) -> Reply:
    """Fire one transition; answers the record."""
    flow = resource.workflow

    async def decide(loaded: Loaded) -> Decided:
        it = present(resource, call, loaded)
        step = _named(flow, call.body.raw.get("transition"))
        if step is not None:
            authorize(resource, call, step, it)
        await check_signature(call, loaded)
        call.check_version(it.version)
        wanted, *_ = together(
            lambda: call.given(resource.transition),
            lambda: check_for(resource, step, it, call.body.raw),
            lambda: check_components(call, given_signature(call)),
        )
        shown = await look_around(resource, call, it)
        given = Given(comment=wanted.comment, reason=wanted.reason, signature=given_signature(call))
        step = flow.transition(wanted.transition)
        return Decided([await advance(resource, call, loaded, step, given, wanted, shown)], shown)

    return await changed(resource, call, decide)


async def remove(resource: Resource[R], call: Call) -> Reply:
    """Fire the transition that a removal is: nothing is erased. Once a record is under way it takes a reason."""
    check_reads(resource, call)
    step, forms = resource.workflow.step(resource.removal), resource.forms

    async def decide(loaded: Loaded) -> list[Event]:
        it = present(resource, call, loaded)
        resource.workflow.authorize(step, it, call.actor)
        call.check_version(it.version)
        query, body = together(lambda: call.query(forms.because_query), lambda: call.body.read(forms.because))
        reason = query.reason or body.reason
        if it.status != resource.workflow.beginning:
            check_given(["reason"], {"reason": reason})
        given = Given(reason=reason or "deleted through the API")
        return [await resource.advance(call, it, step, await attempt(call, loaded, given), {})]

    return await actions.change(call, resource.workflow, call.record_id, decide, lambda record: Reply(status=204))


async def alter(
    resource: Resource[R],
    call: Call,
    trigger: str,
    decide: Callable[[Loaded], Awaitable[Sequence[Event]]],
    render: Callable[[R], Reply] | None = None,
) -> Reply:
    """Fire an edit that has a door of its own; see `altered`."""
    flow = resource.workflow
    step = flow.step(trigger)
    return await altered(resource, call, lambda it: flow.authorize(step, it, call.actor), decide, render)


async def altered(
    resource: Resource[R],
    call: Call,
    allowed: Callable[[R], None],
    decide: Callable[[Loaded], Awaitable[Sequence[Event]]],
    render: Callable[[R], Reply] | None = None,
) -> Reply:
    """Append what `decide` makes of a record and the body; answer with the record, or what `render` makes of it.

    `decide` reads the input and returns the facts, once `allowed` has not raised Denied and If-Match holds.
    """
    check_reads(resource, call)

    async def facts(loaded: Loaded) -> Sequence[Event]:
        it = present(resource, call, loaded)
        allowed(it)
        call.check_version(it.version)
        return await decide(loaded)

    async def decided(loaded: Loaded) -> Decided:
        return Decided(await facts(loaded), await look_around(resource, call, loaded.record))

    if render is None:
        return await changed(resource, call, decided)
    return await actions.change(call, resource.workflow, call.record_id, facts, render)


def authorize(resource: Resource[R], call: Call, step: Step[R], it: R) -> None:
    """Raise Denied where who asks may not fire a step, or not give one of the fields that come with it."""
    resource.workflow.authorize(step, it, call.actor)
    for name, permission in resource.needs.items():
        if call.body.raw.get(name) is not None:
            call.require(permission)


async def advance(
    resource: Resource[R],
    call: Call,
    loaded: Loaded,
    step: Step[R],
    given: Given,
    wanted: Moving,
    shown: Around,
) -> Event:
    """Return the fact of a transition, with who may take on what looked up."""
    data = {name: value for name in resource.own if (value := getattr(wanted, name)) not in (UNSET, None)}
    who = await attempt(call, loaded, given, eligible(resource, call, data, shown.people))
    return await resource.advance(call, loaded.record, step, who, data)


def eligible(resource: Resource[R], call: Call, data: dict[str, Any], people: dict[int, User]) -> list[int]:
    """Return the users named in the data who are active and may take on all that they are named for."""
    asked: dict[int, set[str]] = {}
    for name, permission in resource.eligible.items():
        if name in data:
            asked.setdefault(data[name], set()).add(permission)
    return [user for user, permissions in asked.items() if _may(call, people.get(user), permissions)]


def _may(call: Call, user: User | None, permissions: set[str]) -> bool:
    if user is None or user.status != ACTIVE:
        return False
    actor = call.doors.standing.actor(user)
    return all(actor.may(permission) for permission in permissions)


async def check_signature(call: Call, loaded: Loaded) -> None:
    """Raise Denied for a signature that is not good: before any fault of the rest is told."""
    await attempt(call, loaded, Given(signature=given_signature(call)))


def check_for(resource: Resource[R], step: Step[R] | None, it: R, raw: dict[str, Any]) -> None:
    """Raise InvalidInput for what a step needs and is not given, and for what only another step takes."""
    if step is None:
        return
    takes = resource.takes(step)
    strange = [name for name in resource.own if raw.get(name) is not None and name not in takes]
    together(
        lambda: check_given(step.asks_for(it, raw), raw), lambda: refuse(strange, "This step does not take this field.")
    )


def refuse(names: list[str], says: str) -> None:
    """Raise InvalidInput where there is a name."""
    if names:
        raise InvalidInput([Fault(name, says) for name in names])


def given_signature(call: Call) -> dict[str, Any] | None:
    """Return the body's signature as it came."""
    raw = call.body.raw.get("signature")
    return raw if isinstance(raw, dict) else None


async def look_around(resource: Resource[R], call: Call, it: R) -> Around:
    """Return what the answer shows around the record, and the users that the body names."""
    given = [call.body.raw.get(name) for name in resource.eligible]
    named = [user for user in given if isinstance(user, int) and 0 < user <= _LARGEST_ID]
    async with call.doors.pool.connection() as connection:
        return await around(resource, call, connection, it, named)


def _named(flow: Workflow[R], trigger: object) -> Step[R] | None:
    return next((step for step in flow.steps if step.trigger == trigger and not step.edit), None)
