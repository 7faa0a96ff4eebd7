"""PUT and PATCH of a deviation: its fields, and the transition that leads to another status, in one append."""

from typing import Any

import msgspec
from msgspec import UNSET

from api.actions import Given, Loaded, ahead, attempt, change
from api.call import Call
from api.dialects.masetra import shapes, steps
from api.dialects.masetra.deviations import present, reply
from api.input import together
from api.reply import Reply
from domain.errors import Conflict, Fault, InvalidInput
from domain.events import Event
from domain.platform.users import User
from domain.quality import deviation as rules
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation, DeviationUpdated
from domain.workflow import Step
from projections.deviation_views import detail

_EDITABLE = tuple(
    name
    for name in shapes.DeviationChange.__struct_fields__
    if name in DeviationUpdated.__struct_fields__ and name not in Event.__struct_fields__
)
_MOVING = ("investigator", "question", "answer", "signature")


async def change_deviation(call: Call) -> Reply:
    """Change fields, and fire the transition that leads to `status` where that is changed: one append."""
    shown: dict[int, User] = {}

    async def decide(loaded: Loaded) -> list[Event]:
        it = present(call, loaded)
        shown.update(await steps.people_of(call, it))
        before = steps.as_json(detail(it, shown))
        step, none_leads = _authorized(call, it, before)
        await steps.check_signature(call, loaded)
        call.check_version(it.version)
        wanted = _given(call, it, step, before, moved=none_leads is not None)
        return await _decided(call, loaded, wanted, step, none_leads, shown)

    return await change(call, DEVIATIONS, call.record_id, decide, lambda record: reply(record, shown))


def _authorized(call: Call, it: Deviation, before: dict[str, Any]) -> tuple[Step[Deviation] | None, Conflict | None]:
    """Raise Denied where who asks may not make these changes; return the step that a new status takes.

    That no step leads there is returned, not raised: faults of the input come first.
    """
    raw = call.body.raw
    status = raw.get("status")
    step, none_leads = None, None
    if isinstance(status, str) and status in DEVIATIONS.states and status != it.status:
        try:
            step = DEVIATIONS.leading_to(it, status)
        except Conflict as conflict:
            none_leads = conflict
    if step is not None:
        DEVIATIONS.authorize(step, it, call.actor)
    changed = {name: raw[name] for name in _EDITABLE if name in raw and raw[name] != before[name]}
    # Who changes nothing must be somebody who might.
    edits = rules.revising(changed) or ([] if step is not None else rules.revising({"title": ""}))
    for edit in edits:
        DEVIATIONS.authorize(edit, it, call.actor)
    return step, none_leads


def _given(
    call: Call, it: Deviation, step: Step[Deviation] | None, before: dict[str, Any], *, moved: bool
) -> shapes.DeviationChange:
    """Return the body. Raises InvalidInput with every fault, those of a transition that is meant too."""
    raw = {name: value for name, value in call.body.raw.items() if value != before.get(name, UNSET)}
    strange = [] if step is not None or moved else [name for name in _MOVING if raw.get(name) is not None]
    wanted, *_ = together(
        lambda: call.given(shapes.DeviationChange, before),
        lambda: steps.check_for(step, it, raw),
        lambda: steps.refuse(strange, "Only a transition takes this field."),
    )
    found: shapes.DeviationChange = wanted
    return found


async def _decided(
    call: Call,
    loaded: Loaded,
    wanted: shapes.DeviationChange,
    step: Step[Deviation] | None,
    none_leads: Conflict | None,
    people: dict[int, User],
) -> list[Event]:
    """Return the facts. Raises InvalidInput of edit and step together, else Conflict of both."""
    events: list[Event] = []
    refused = [none_leads] if none_leads is not None else []
    faults: list[Fault] = []
    words = Given(comment=wanted.comment, reason=wanted.reason)
    edits = _edits(loaded.record, wanted)
    try:
        if edits:
            events.append(rules.revise(loaded.record, await attempt(call, loaded, words), edits, call.doors.quality))
            loaded = ahead(call, DEVIATIONS, loaded, events[0])
    except InvalidInput as faulty:
        faults += faulty.faults
    except Conflict as conflict:
        refused.append(conflict)
    try:
        if step is not None:
            given = msgspec.structs.replace(words, signature=steps.given_signature(call))
            events.append(await steps.advance(call, loaded, step, given, steps.own_fields(wanted), people))
    except InvalidInput as faulty:
        faults += [fault for fault in faulty.faults if fault not in faults]
    except Conflict as conflict:
        refused.append(conflict)
    if faults:
        raise InvalidInput(faults)
    if refused:
        raise Conflict(*dict.fromkeys(reason for conflict in refused for reason in conflict.reasons))
    return events


def _edits(it: Deviation, wanted: shapes.DeviationChange) -> dict[str, Any]:
    """Return the fields that change. A time that comes back as it was shown, in whole seconds, is no change."""
    changes = {}
    for name in _EDITABLE:
        value, before = getattr(wanted, name), getattr(it, name)
        if value is UNSET or value == before:
            continue
        if hasattr(before, "microsecond") and value == before.replace(microsecond=0):
            continue
        changes[name] = value
    return changes
