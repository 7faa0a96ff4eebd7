"""The actions of a CAPA: planned, agreed to, done, and by whom."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from domain.errors import Conflict, Denied, InvalidInput, NotFound
from domain.events import Actor
from domain.quality.capa_actions import (
    add_action,
    authorize,
    change_action,
    changing_action,
    find_action,
    remove_action,
)
from domain.quality.capa_facts import Action
from tests.domain.capas import (
    ACTION_OWNER,
    ADMINISTRATOR,
    MANAGER,
    OPENER,
    OWNER,
    PEOPLE,
    SPRINGS,
    Story,
    capa,
    undone,
)
from tests.domain.people import NOW, actor, attempt

PLANNING = ["INITIATED", "INVESTIGATION", "ACTION_PLANNING"]
ACTIVE = frozenset({7, 9})


def asked(refused: Callable[[], object]) -> list[str]:
    """Return the fields that something is refused for."""
    with pytest.raises(InvalidInput) as caught:
        refused()
    return [fault.field for fault in caught.value.faults]


def test_an_action_is_added_with_an_id_of_its_own_and_nothing_done() -> None:
    story = Story().analysed()
    number = story.add(kind="CORRECTIVE", owner=None, due_date=None)
    assert story.it.actions == (Action(id=number, kind="CORRECTIVE", description="Fit springs"),)


def test_what_was_done_already_is_added_as_done_once_it_is_implemented() -> None:
    story = Story().analysed()
    with pytest.raises(Conflict, match="not before"):
        story.add(done=True)
    it = capa("IMPLEMENTATION")
    fact = add_action(it, attempt(it, OWNER, reason="Forgotten.", eligible=ACTIVE), {**SPRINGS, "done": True})
    assert fact.done  # type: ignore[attr-defined]


def test_a_change_leaves_other_fields_and_other_actions_as_they_are() -> None:
    story = Story().analysed()
    first, second = story.add(), story.add(description="Paint them")
    before = find_action(story.it, first)
    story.change(second, kind="CORRECTIVE", owner=UNSET)
    assert find_action(story.it, first) == before
    assert find_action(story.it, second) == Action(
        id=second, **{**SPRINGS, "description": "Paint them", "kind": "CORRECTIVE"}
    )


def test_an_action_that_is_removed_is_gone() -> None:
    story = Story().analysed()
    first, second = story.add(), story.add()
    story.record(remove_action(story.it, attempt(story.it, OWNER), first))
    assert [action.id for action in story.it.actions] == [second]


@pytest.mark.parametrize("number", [0, 2, 99])
def test_an_action_that_there_is_none_of_is_not_found_whoever_asks(number: int) -> None:
    it, nobody = capa(), PEOPLE["nobody"]
    for refused in (
        lambda: change_action(it, attempt(it, nobody), number, {"done": True}),
        lambda: remove_action(it, attempt(it, nobody), number),
        lambda: authorize(it, nobody, number, {}),
    ):
        with pytest.raises(NotFound, match=f"There is no action {number} in the CAPA 1."):
            refused()


def test_a_change_of_nothing_is_refused_after_who_may_not() -> None:
    it = capa()
    with pytest.raises(InvalidInput, match="invalid"):
        change_action(it, attempt(it, OWNER), 1, {"owner": UNSET})
    with pytest.raises(Denied):
        change_action(it, attempt(it, OPENER), 1, {})


def test_changes_take_the_steps_that_they_are() -> None:
    assert [step.trigger for step in changing_action({"due_date": 1, "done": 1})] == ["change_action", "mark_action"]
    assert [step.trigger for step in changing_action({"done": 1})] == ["mark_action"]
    assert [step.trigger for step in changing_action({})] == ["change_action"]


@pytest.mark.parametrize("who", [OWNER, MANAGER, ACTION_OWNER, ADMINISTRATOR])
def test_an_action_is_said_to_be_done_and_not_to_be(who: Actor) -> None:
    it = undone(capa("IMPLEMENTATION"))
    event: Any = change_action(it, attempt(it, who, reason=None), 1, {"done": True})
    assert (event.topic, event.action_id, event.done, event.description) == ("capa.action_changed", 1, True, UNSET)
    done = capa("IMPLEMENTATION")
    assert change_action(done, attempt(done, who), 1, {"done": False}).done is False  # type: ignore[attr-defined]


def test_the_owner_of_another_action_says_nothing_of_this_one() -> None:
    it = undone(capa("IMPLEMENTATION"))
    it = replace(it, actions=(*it.actions, Action(id=2, **{**SPRINGS, "owner": 10})))
    who = PEOPLE["another_user"]
    with pytest.raises(Denied, match="only the owner or a quality manager or the action's owner"):
        change_action(it, attempt(it, who), 1, {"done": True})
    assert change_action(it, attempt(it, who), 2, {"done": True}).actor == who.id


def test_an_actions_owner_who_may_not_see_capas_any_more_says_nothing() -> None:
    it = undone(capa("IMPLEMENTATION"))
    with pytest.raises(Denied):
        change_action(it, attempt(it, actor(9, "operator")), 1, {"done": True})


def test_an_actions_owner_plans_nothing() -> None:
    it = undone(capa("IMPLEMENTATION"))
    for changes in ({"description": "Less"}, {"description": "Less", "done": True}):
        with pytest.raises(Denied, match="Change action: only the owner or a quality manager"):
            change_action(it, attempt(it, ACTION_OWNER), 1, changes)


@pytest.mark.parametrize("state", [*PLANNING, "EFFECTIVENESS_CHECK", "APPROVED", "CLOSED", "CANCELLED"])
def test_nothing_is_done_but_while_it_is_implemented(state: str) -> None:
    it = undone(capa(state))
    with pytest.raises(Conflict, match="only in IMPLEMENTATION"):
        change_action(it, attempt(it, OWNER), 1, {"done": True})


@pytest.mark.parametrize("state", ["EFFECTIVENESS_CHECK", "APPROVED", "CLOSED", "CANCELLED"])
def test_what_was_done_stays_what_it_was_while_it_is_judged(state: str) -> None:
    it = undone(capa(state))
    for refused in (
        lambda: add_action(it, attempt(it, OWNER), SPRINGS),
        lambda: change_action(it, attempt(it, OWNER), 1, {"description": "Less"}),
        lambda: remove_action(it, attempt(it, OWNER), 1),
    ):
        with pytest.raises(Conflict, match=f"not possible in {state}"):
            refused()


def test_a_plan_changes_without_a_reason_before_it_is_under_way() -> None:
    it = undone(capa("INITIATED"))
    words = attempt(it, OWNER, reason=None, eligible=ACTIVE)
    assert add_action(it, words, SPRINGS).reason is None
    assert change_action(it, words, 1, {"due_date": None}).reason is None
    assert remove_action(it, words, 1).reason is None


@pytest.mark.parametrize("state", PLANNING[1:])
def test_what_was_planned_changes_with_a_reason_and_is_added_to_without_one(state: str) -> None:
    it = undone(capa(state))
    words = attempt(it, OWNER, reason=None, eligible=ACTIVE)
    assert add_action(it, words, SPRINGS).reason is None
    for changes in ({"due_date": None}, {"description": "Less"}, {"kind": "CORRECTIVE"}, {"owner": None}):
        assert asked(lambda given=changes: change_action(it, words, 1, given)) == ["reason"]
    assert asked(lambda: remove_action(it, words, 1)) == ["reason"]
    empty = replace(it, actions=(replace(it.actions[0], owner=None, due_date=None),))
    assert change_action(empty, words, 1, {"owner": 7, "due_date": NOW, "kind": "PREVENTIVE"}).reason is None


def test_that_something_is_done_is_taken_back_with_a_reason() -> None:
    done = capa("IMPLEMENTATION")
    assert asked(lambda: change_action(done, attempt(done, OWNER, reason=None), 1, {"done": False})) == ["reason"]


def test_what_was_agreed_to_changes_with_a_reason() -> None:
    it = undone(capa("IMPLEMENTATION"))
    words = attempt(it, OWNER, reason=None, eligible=ACTIVE)
    for refused in (
        lambda: add_action(it, words, SPRINGS),
        lambda: change_action(it, words, 1, {"description": "Less"}),
        lambda: remove_action(it, words, 1),
    ):
        assert asked(refused) == ["reason"]
    assert change_action(it, attempt(it, OWNER), 1, {"description": "Less"}).reason == "because"


@pytest.mark.parametrize("missing", ["owner", "due_date"])
def test_what_is_implemented_has_an_owner_and_a_due_date(missing: str) -> None:
    it = undone(capa("IMPLEMENTATION"))
    words = attempt(it, OWNER, eligible=ACTIVE)
    with pytest.raises(Conflict, match="each action has an owner and a due date"):
        change_action(it, words, 1, {missing: None})
    with pytest.raises(Conflict, match="each action has an owner and a due date"):
        add_action(it, words, {name: value for name, value in SPRINGS.items() if name != missing})


def test_an_actions_owner_is_an_active_user() -> None:
    it = undone(capa("ACTION_PLANNING"))
    for refused in (
        lambda: add_action(it, attempt(it, OWNER), SPRINGS),
        lambda: change_action(it, attempt(it, OWNER), 1, {"owner": 9}),
    ):
        with pytest.raises(Conflict, match="must be an active user"):
            refused()
    assert change_action(it, attempt(it, OWNER), 1, {"owner": None}).owner is None  # type: ignore[attr-defined]


def test_what_is_done_is_not_removed() -> None:
    it = capa("ACTION_PLANNING")
    with pytest.raises(Conflict, match="An action that is done is not removed"):
        remove_action(it, attempt(it, ADMINISTRATOR), 1)


def test_there_are_not_more_actions_than_anyone_reads() -> None:
    full = capa("ACTION_PLANNING", actions=tuple(Action(id=number, **SPRINGS) for number in range(100)))
    with pytest.raises(Conflict, match="at most 100 actions"):
        add_action(full, attempt(full, OWNER, eligible=ACTIVE), SPRINGS)


def test_all_faults_of_an_action_are_told_at_once() -> None:
    it = capa("IMPLEMENTATION")
    with pytest.raises(InvalidInput) as refused:
        add_action(it, attempt(it, OWNER, reason=""), {"kind": "SLOW", "owner": "9", "done": "yes"})
    assert {fault.field for fault in refused.value.faults} == {"action_kind", "description", "owner", "done", "reason"}
