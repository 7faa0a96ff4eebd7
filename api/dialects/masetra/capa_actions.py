"""The actions of a CAPA: list, look at, plan, change and remove. Their version is the CAPA's."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from api import records
from api.actions import Given, Loaded, attempt
from api.call import Call
from api.dialects.masetra.capa_shapes import ActionChange, ActionIn
from api.dialects.masetra.forms import PageAsOf, page_reply
from api.dialects.masetra.resources import CAPA
from api.dialects.masetra.shapes import RemovalIn, RemovalQuery
from api.input import check_given, together
from api.records.edits import as_json, differs
from api.records.past import asked_before, seen
from api.records.shapes import AsOf, Words
from api.reply import Reply, record_reply
from domain.errors import InvalidInput
from domain.events import Attempt, Event
from domain.platform.users import ACTIVE
from domain.quality import capa_actions as rules
from domain.quality.capa import CAPAS
from domain.quality.capa_facts import Action, Capa
from projections.capa_views import action_out

_FIELDS = ("kind", "description", "owner", "due_date", "done")


async def list_actions(call: Call) -> Reply:
    """Answer a page of a CAPA's actions, oldest first."""
    it = await _seen(call)
    query = call.query(PageAsOf)
    page = it.actions[query.offset : query.offset + query.size]
    return page_reply(call, query, len(it.actions), b",".join(msgspec.json.encode(action_out(one)) for one in page))


async def get_action(call: Call) -> Reply:
    """Answer one action."""
    it = await _seen(call)
    action = rules.find_action(it, call.path_id("action"))
    call.query(AsOf)
    return record_reply(it.version, action_out(action))


async def add_action(call: Call) -> Reply:
    """Plan one more action."""
    step = CAPAS.step("add_action")

    async def decide(loaded: Loaded) -> Sequence[Event]:
        asked = "reason" in step.asks_for(loaded.record, call.body.raw)
        wanted, _ = together(lambda: call.given(ActionIn), lambda: _check_reason(call, asked=asked))
        data = {name: getattr(wanted, name) for name in ActionIn.__struct_fields__ if name in _FIELDS}
        return [rules.add_action(loaded.record, await _who(call, loaded, wanted, wanted.owner), data)]

    return await records.alter(
        CAPA, call, step.trigger, decide, lambda it: record_reply(it.version, action_out(it.actions[-1]), 201)
    )


async def change_action(call: Call) -> Reply:
    """Change what an action is, or say that it is done."""
    number = call.path_id("action")

    async def decide(loaded: Loaded) -> Sequence[Event]:
        it: Capa = loaded.record
        action = rules.find_action(it, number)
        before = as_json(action_out(action))
        asked = rules.asks_reason(it, number, _meant(call, action, before))
        wanted, _ = together(lambda: call.given(ActionChange, before), lambda: _check_reason(call, asked=asked))
        changes = _changes(action, wanted)
        if not changes:
            return []
        return [rules.change_action(it, await _who(call, loaded, wanted, wanted.owner), number, changes)]

    def allowed(it: Capa) -> None:
        before = as_json(action_out(rules.find_action(it, number)))
        rules.authorize(it, call.actor, number, _differing(call, before))

    return await records.altered(
        CAPA, call, allowed, decide, lambda it: record_reply(it.version, action_out(rules.find_action(it, number)))
    )


async def remove_action(call: Call) -> Reply:
    """Take an action out of the plan."""
    number = call.path_id("action")
    step = CAPAS.step("remove_action")

    async def decide(loaded: Loaded) -> Sequence[Event]:
        query, body = together(lambda: call.query(RemovalQuery), lambda: call.body.read(RemovalIn))
        given = Given(reason=query.reason or body.reason)
        return [rules.remove_action(loaded.record, await attempt(call, loaded, given), number)]

    def allowed(it: Capa) -> None:
        rules.find_action(it, number)
        CAPAS.authorize(step, it, call.actor)

    return await records.altered(CAPA, call, allowed, decide, lambda it: Reply(status=204))


async def _seen(call: Call) -> Capa:
    """Return the CAPA of the path, as the read model has it, or as it was. Raises NotFound."""
    async with call.doors.pool.connection() as connection:
        return await seen(CAPA, call, connection, asked_before(call))


def _check_reason(call: Call, *, asked: bool) -> None:
    """Raise InvalidInput where a reason is asked for and not given: told with the other faults of the body."""
    check_given(["reason"] if asked else [], call.body.raw)


def _meant(call: Call, action: Action, before: dict[str, Any]) -> dict[str, Any]:
    """Return what a body changes of an action; of one with faults in it, what differs from what was shown."""
    try:
        return _changes(action, call.given(ActionChange, before))
    except InvalidInput:
        return _differing(call, before)


def _differing(call: Call, before: dict[str, Any]) -> dict[str, Any]:
    raw = call.body.raw
    return {name: raw[name] for name in _FIELDS if name in raw and raw[name] != before[name]}


def _changes(it: Action, wanted: Struct) -> dict[str, Any]:
    given = {name: value for name in _FIELDS if (value := getattr(wanted, name)) is not UNSET}
    return {name: value for name, value in given.items() if differs(getattr(it, name), value)}


async def _who(call: Call, loaded: Loaded, words: Words, owner: object) -> Attempt:
    """Return who tries what; anybody who is active may own an action."""
    eligible = []
    if isinstance(owner, int):
        async with call.doors.pool.connection() as connection:
            people = await call.doors.people.get(connection, [owner])
        eligible = [user.id for user in people.values() if user.status == ACTIVE]
    return await attempt(call, loaded, Given(comment=words.comment, reason=words.reason), eligible)
