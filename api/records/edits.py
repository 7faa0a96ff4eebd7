"""PUT and PATCH of a record: its fields, and the transition that leads to another status, in one append."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Generic, NamedTuple

import msgspec
from msgspec import UNSET, Struct

from api.actions import Given, Loaded, ahead, attempt
from api.call import Call
from api.input import together
from api.records import steps
from api.records.resource import Around, Decided, R, Resource, changed, present
from api.records.shapes import Moving
from api.reply import Reply
from api.signing import check_components
from domain.errors import Conflict, Fault, InvalidInput
from domain.events import Event
from domain.workflow import Step


class _Move(NamedTuple, Generic[R]):
    """Where a changed status leads: the step that takes it there, or that none does; neither where it is unchanged."""

    step: Step[R] | None = None
    refused: Conflict | None = None


async def change(resource: Resource[R], call: Call) -> Reply:
    """Change fields, and fire the transition that leads to `status` where that is changed: one append."""

    async def decide(loaded: Loaded) -> Decided:
        it = present(resource, call, loaded)
        shown = await steps.look_around(resource, call, it)
        before = as_json(resource.detail(it, shown))
        move = _authorized(resource, call, it, before)
        await steps.check_signature(call, loaded)
        call.check_version(it.version)
        wanted = _given(resource, call, it, move, before, shown)
        return Decided(await _decided(resource, call, loaded, wanted, move, shown), shown)

    return await changed(resource, call, decide)


def as_json(shown: Struct | None) -> dict[str, Any]:
    """Return what is shown as a client that read it has it; nothing for nothing."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(shown)) or {}
    return found


def differs(before: object, value: object) -> bool:
    """Tell whether a field changes. A time that comes back as it was shown, in whole seconds, does not."""
    return value not in (before, before.replace(microsecond=0) if isinstance(before, datetime) else before)


def _authorized(resource: Resource[R], call: Call, it: R, before: dict[str, Any]) -> _Move[R]:
    """Raise Denied where who asks may not make these changes; return where a new status leads.

    That no step leads there is returned, not raised: faults of the input come first.
    """
    raw = call.body.raw
    move = _move(resource, it, raw.get("status"))
    if move.step is not None:
        steps.authorize(resource, call, move.step, it)
    differing = {name: raw[name] for name in resource.editable if name in raw and raw[name] != before[name]}
    # Who changes nothing must be somebody who might.
    least = {} if move.step is not None else {resource.editable[0]: ""}
    for edit in resource.revising(differing or least):
        resource.workflow.authorize(edit, it, call.actor)
    return move


def _move(resource: Resource[R], it: R, status: object) -> _Move[R]:
    flow = resource.workflow
    if not isinstance(status, str) or status not in flow.states or status == it.status:
        return _Move()
    try:
        return _Move(step=flow.leading_to(it, status))
    except Conflict as refused:
        return _Move(refused=refused)


def _given(resource: Resource[R], call: Call, it: R, move: _Move[R], before: dict[str, Any], shown: Around) -> Moving:
    """Return the body. Raises InvalidInput with every fault, those of a transition that is meant too."""
    raw = {name: value for name, value in call.body.raw.items() if value != before.get(name, UNSET)}
    moving = () if any(move) else (*resource.own, "signature")
    strange = [name for name in moving if raw.get(name) is not None]
    wanted, *_ = together(
        lambda: call.given(resource.change, before),
        lambda: steps.check_for(resource, move.step, it, raw),
        lambda: steps.refuse(strange, "Only a transition takes this field."),
        lambda: check_components(call, steps.given_signature(call)) if move.step is not None else None,
        lambda: resource.check and resource.check(call, it, shown),
    )
    found: Moving = wanted
    return found


async def _decided(
    resource: Resource[R], call: Call, loaded: Loaded, wanted: Moving, move: _Move[R], shown: Around
) -> list[Event]:
    """Return the facts. Raises InvalidInput of edit and step together, else Conflict of both."""
    told = _Told([] if move.refused is None else [move.refused])
    words = Given(comment=wanted.comment, reason=wanted.reason)
    edits = _edits(resource, loaded.record, wanted)

    async def edit() -> Event:
        return resource.revise(call, loaded.record, await attempt(call, loaded, words), edits)

    async def fire(step: Step[R], after: Loaded) -> Event:
        given = msgspec.structs.replace(words, signature=steps.given_signature(call))
        return await steps.advance(resource, call, after, step, given, wanted, shown)

    events = await told.of(edit) if edits else []
    after = ahead(call, resource.workflow, loaded, events[0]) if events else loaded
    if (step := move.step) is not None:
        events += await told.of(lambda: fire(step, after))
    told.check()
    return events


class _Told:
    """The refusals of an edit and of a step: told together, faults of the input before what the state says."""

    def __init__(self, refused: list[Conflict]) -> None:
        self._refused = refused
        self._faults: list[Fault] = []

    async def of(self, decide: Callable[[], Awaitable[Event]]) -> list[Event]:
        """Return the fact that is decided, nothing where it is refused."""
        try:
            return [await decide()]
        except InvalidInput as faulty:
            self._faults += [fault for fault in faulty.faults if fault not in self._faults]
        except Conflict as conflict:
            self._refused.append(conflict)
        return []

    def check(self) -> None:
        """Raise what was refused, if anything was."""
        if self._faults:
            raise InvalidInput(self._faults)
        if self._refused:
            raise Conflict(*dict.fromkeys(reason for conflict in self._refused for reason in conflict.reasons))


def _edits(resource: Resource[R], it: R, wanted: Moving) -> dict[str, Any]:
    """Return the fields that change."""
    changes = {}
    for name in resource.editable:
        value = getattr(wanted, name)
        if value is not UNSET and differs(getattr(it, name), value):
            changes[name] = value
    return changes
