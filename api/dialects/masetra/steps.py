"""What moves a deviation on: transitions, removal, and what was found out."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from api.actions import Given, Loaded, attempt, change
from api.call import Call
from api.dialects.masetra import shapes
from api.dialects.masetra.deviations import present, reply
from api.input import check_given, together
from api.reply import Reply
from domain.errors import Fault, InvalidInput
from domain.events import Event
from domain.platform.users import ACTIVE, User
from domain.quality import deviation as rules
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation
from domain.workflow import Step
from projections.deviation_views import detail, people_in

_OWN = ("investigator", "question", "answer")
_FOUND = ("root_cause_analysis", "investigation_method", "findings")


async def fire_transition(call: Call) -> Reply:
    """Fire one transition; answers the record."""
    shown: dict[int, User] = {}

    async def decide(loaded: Loaded) -> list[Event]:
        it = present(call, loaded)
        step = _named(call.body.raw.get("transition"))
        if step is not None:
            DEVIATIONS.authorize(step, it, call.actor)
        await check_signature(call, loaded)
        call.check_version(it.version)
        wanted, _ = together(lambda: call.given(shapes.TransitionIn), lambda: check_for(step, it, call.body.raw))
        step = DEVIATIONS.transition(wanted.transition)
        shown.update(await people_of(call, it))
        given = Given(comment=wanted.comment, reason=wanted.reason, signature=given_signature(call))
        return [await advance(call, loaded, step, given, own_fields(wanted), shown)]

    return await change(call, DEVIATIONS, call.record_id, decide, lambda record: reply(record, shown))


async def remove_deviation(call: Call) -> Reply:
    """Cancel: nothing is erased."""
    step = DEVIATIONS.step("cancel")

    async def decide(loaded: Loaded) -> list[Event]:
        it = present(call, loaded)
        DEVIATIONS.authorize(step, it, call.actor)
        call.check_version(it.version)
        query, body = together(lambda: call.query(shapes.RemovalQuery), lambda: call.body.read(shapes.RemovalIn))
        given = Given(reason=query.reason or body.reason or "deleted through the API")
        return [await advance(call, loaded, step, given, {}, {})]

    return await change(call, DEVIATIONS, call.record_id, decide, lambda record: Reply(status=204))


async def record_investigation(call: Call) -> Reply:
    """Write down what was found out."""
    shown: dict[int, User] = {}
    step = DEVIATIONS.step("record_investigation")

    async def decide(loaded: Loaded) -> list[Event]:
        it = present(call, loaded)
        DEVIATIONS.authorize(step, it, call.actor)
        call.check_version(it.version)
        shown.update(await people_of(call, it))
        before = as_json(detail(it, shown).investigation)
        wanted = call.given(shapes.InvestigationIn, before)
        changes = {name: value for name in _FOUND if (value := getattr(wanted, name)) is not UNSET}
        if not changes and it.status in step.sources:
            return []
        who = await attempt(call, loaded, Given(comment=wanted.comment, reason=wanted.reason))
        return [rules.record_findings(it, who, changes)]

    return await change(call, DEVIATIONS, call.record_id, decide, lambda record: reply(record, shown))


async def advance(
    call: Call,
    loaded: Loaded,
    step: Step[Deviation],
    given: Given,
    data: dict[str, Any],
    people: dict[int, User],
) -> Event:
    """Return the fact of a transition, with who may be made investigator looked up."""
    named = people.get(data.get("investigator", 0))
    eligible = [named.id] if named and named.status == ACTIVE and named.actor().may("deviation.investigate") else []
    return rules.advance(loaded.record, step, await attempt(call, loaded, given, eligible), data, call.doors.quality)


async def check_signature(call: Call, loaded: Loaded) -> None:
    """Raise Denied for a signature that is not good: before any fault of the rest is told."""
    await attempt(call, loaded, Given(signature=given_signature(call)))


def check_for(step: Step[Deviation] | None, it: Deviation, raw: dict[str, Any]) -> None:
    """Raise InvalidInput for what a step needs and is not given, and for what only another step takes."""
    if step is None:
        return
    strange = [name for name in _OWN if raw.get(name) is not None and name not in step.requires]
    together(
        lambda: check_given(step.asks(it.status), raw), lambda: refuse(strange, "This step does not take this field.")
    )


def refuse(names: list[str], says: str) -> None:
    """Raise InvalidInput where there is a name."""
    if names:
        raise InvalidInput([Fault(name, says) for name in names])


def as_json(shown: Struct | None) -> dict[str, Any]:
    """Return what is shown as a client that read it has it; nothing for nothing."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(shown)) or {}
    return found


def given_signature(call: Call) -> dict[str, Any] | None:
    """Return the body's signature as it came."""
    raw = call.body.raw.get("signature")
    return raw if isinstance(raw, dict) else None


def own_fields(wanted: shapes.TransitionIn | shapes.DeviationChange) -> dict[str, Any]:
    """Return the fields that only transitions take."""
    given: dict[str, Any | UnsetType] = {name: getattr(wanted, name) for name in _OWN}
    return {name: value for name, value in given.items() if value is not UNSET}


async def people_of(call: Call, it: Deviation) -> dict[int, User]:
    """Return the users that the record shows, and the one that the body names."""
    named = call.body.raw.get("investigator")
    more = {named} if isinstance(named, int) and 0 < named < 2**63 else set()
    async with call.doors.pool.connection() as connection:
        return await call.doors.people.get(connection, people_in(it) | more)


def _named(trigger: object) -> Step[Deviation] | None:
    return next((step for step in DEVIATIONS.steps if step.trigger == trigger and not step.edit), None)
