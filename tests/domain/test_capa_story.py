"""The life of a CAPA: what must be there before it goes on, who may say that it was effective, and what is redone."""

from typing import Any

import pytest

from domain.errors import Conflict, Denied
from domain.quality.capa import CAPAS
from domain.quality.public import public_name
from tests.domain.capas import (
    ADMINISTRATOR,
    ANALYSED,
    MANAGER,
    OWNER,
    PEOPLE,
    SPRINGS,
    Story,
    capa,
    undone,
)
from tests.domain.people import actor, attempt

OWNING_MANAGER = actor(7, "quality_manager")


def fire(state: str, trigger: str, who: Any, **more: Any) -> Any:
    it = capa(state, **more)
    return CAPAS.decide(CAPAS.step(trigger), it, attempt(it, who), {})


def test_a_capa_goes_from_its_opening_to_its_end() -> None:
    story = Story().approved()
    story.fire("close", MANAGER)
    assert story.it.closed_at == story.events[-1].at
    moved = [it.event.to_state for it in story.events if it.event.to_state != it.event.from_state]
    assert moved == [
        *("INITIATED", "INVESTIGATION", "ACTION_PLANNING", "IMPLEMENTATION", "EFFECTIVENESS_CHECK"),
        *("APPROVED", "CLOSED"),
    ]


def test_an_investigation_needs_an_owner() -> None:
    with pytest.raises(Conflict, match="An owner must be assigned first"):
        fire("INITIATED", "start_investigation", MANAGER, owner=None)


@pytest.mark.parametrize("missing", sorted(ANALYSED))
def test_actions_are_planned_once_cause_and_impact_are_known(missing: str) -> None:
    with pytest.raises(Conflict, match="Root cause analysis and impact assessment must be recorded first"):
        fire("INVESTIGATION", "plan_actions", OWNER, **{missing: ""})


def test_a_plan_has_an_action_at_least() -> None:
    with pytest.raises(Conflict, match="at least one action, each with an owner and a due date"):
        fire("ACTION_PLANNING", "start_implementation", MANAGER, actions=())


@pytest.mark.parametrize("missing", ["owner", "due_date"])
def test_every_action_of_a_plan_has_an_owner_and_a_due_date(missing: str) -> None:
    story = Story().analysed()
    story.fire("plan_actions", OWNER)
    story.add()
    number = story.add(**{missing: None})
    with pytest.raises(Conflict, match="at least one action, each with an owner and a due date"):
        story.fire("start_implementation", MANAGER)
    story.change(number, **{missing: SPRINGS[missing]})
    assert story.fire("start_implementation", MANAGER).to_state == "IMPLEMENTATION"


def test_effectiveness_is_checked_once_everything_is_done() -> None:
    for actions in ((), undone(capa()).actions, (*capa().actions, *undone(capa()).actions)):
        with pytest.raises(Conflict, match="Every action must be done first"):
            fire("IMPLEMENTATION", "verify_effectiveness", OWNER, actions=actions)


def test_an_approval_needs_a_result() -> None:
    with pytest.raises(Conflict, match="The verification result must be recorded first"):
        fire("EFFECTIVENESS_CHECK", "approve", MANAGER, verification_result="")


@pytest.mark.parametrize("role", ["quality_manager", "administrator"])
def test_the_owner_does_not_approve(role: str) -> None:
    with pytest.raises(Conflict, match="The owner can not approve the own CAPA"):
        fire("EFFECTIVENESS_CHECK", "approve", actor(7, role))


def test_who_owned_it_while_it_was_done_does_not_approve_after_handing_it_on() -> None:
    story = Story().implemented()
    story.fire("verify_effectiveness", OWNER)
    story.edit(verification_result="No alarm since")
    story.fire("assign_owner", MANAGER, owner=9)
    with pytest.raises(Conflict, match="The owner can not approve"):
        story.fire("approve", OWNING_MANAGER)
    assert story.fire("approve", MANAGER).to_state == "APPROVED"


def test_who_takes_the_owners_steps_for_the_owner_may_approve() -> None:
    story = Story().implemented()
    story.fire("verify_effectiveness", ADMINISTRATOR)
    story.edit(verification_result="No alarm since")
    assert story.fire("approve", ADMINISTRATOR).actor == ADMINISTRATOR.id


def test_an_owner_is_active_and_may_own() -> None:
    it = capa()
    with pytest.raises(Conflict, match="active user who may own"):
        CAPAS.decide(CAPAS.step("assign_owner"), it, attempt(it, MANAGER, eligible=frozenset()), {"owner": 7})


def test_an_owner_who_may_not_own_any_more_does_nothing() -> None:
    with pytest.raises(Denied, match="only the owner"):
        fire("INVESTIGATION", "plan_actions", actor(7, "viewer"))


def test_handing_it_on_takes_the_steps_from_who_owned_it() -> None:
    story = Story().analysed()
    story.fire("assign_owner", MANAGER, owner=9)
    with pytest.raises(Denied):
        story.fire("plan_actions", OWNER)
    assert story.it.status == "INVESTIGATION"


def test_what_was_not_effective_is_planned_anew_and_checked_anew() -> None:
    story = Story().implemented()
    story.fire("verify_effectiveness", OWNER)
    story.edit(verification_result="Alarm on the second day")
    story.fire("mark_ineffective", MANAGER)
    assert (story.it.status, story.it.verification_result, story.it.implemented_by) == ("ACTION_PLANNING", "", None)
    assert [action.done for action in story.it.actions] == [True]
    story.add()
    story.fire("start_implementation", MANAGER)
    with pytest.raises(Conflict, match="Every action must be done"):
        story.fire("verify_effectiveness", OWNER)


def test_what_was_closed_is_reopened_with_what_was_done_and_without_its_result() -> None:
    story = Story().approved()
    story.fire("close", MANAGER)
    before = story.it
    story.fire("reopen", MANAGER)
    it = story.it
    assert (it.status, it.closed_at, it.verification_result, it.implemented_by) == ("INVESTIGATION", None, "", None)
    assert (it.actions, it.root_cause_analysis, it.owner) == (before.actions, before.root_cause_analysis, before.owner)


def test_management_and_others_approve_nothing() -> None:
    for person in ("management", "opener", "another_specialist", "viewer"):
        with pytest.raises(Denied, match=r"^Approve: only a quality manager.$"):
            fire("EFFECTIVENESS_CHECK", "approve", PEOPLE[person])


def test_subscribers_are_told_by_the_public_names() -> None:
    story = Story().approved()
    story.fire("assign_owner", MANAGER)
    story.fire("close", MANAGER)
    story.fire("reopen", MANAGER)
    story.fire("cancel", MANAGER)
    told = [(it.event.topic, public_name(it.event)) for it in story.events]
    named = {topic: name for topic, name in told if name != "capa.updated"}
    assert named == {"capa.created": "capa.created", "capa.approved": "capa.approved", "capa.closed": "capa.closed"}
    assert {topic for topic, name in told if name == "capa.updated"} == {
        *("capa.owner_assigned", "capa.investigation_started", "capa.updated", "capa.planning_started"),
        *("capa.action_added", "capa.implementation_started", "capa.action_changed"),
        *("capa.effectiveness_check_started", "capa.reopened", "capa.cancelled"),
    }
