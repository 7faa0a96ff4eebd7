"""Opening a CAPA and changing its fields: what it follows from, who, and until when."""

from typing import Any

import msgspec
import pytest

from domain.errors import Conflict, Denied, InvalidInput
from domain.events import Actor, Attempt
from domain.quality.capa import open_capa, revise, revising
from tests.domain.capas import ADMINISTRATOR, MANAGER, OPENED, OPENER, OWNER, PEOPLE, Story, capa
from tests.domain.people import NOW, attempt

BEFORE_APPROVED = ["INITIATED", "INVESTIGATION", "ACTION_PLANNING", "IMPLEMENTATION", "EFFECTIVENESS_CHECK"]


def faults(refused: pytest.ExceptionInfo[InvalidInput]) -> dict[str, str]:
    return {fault.field: fault.message for fault in refused.value.faults}


def test_a_capa_begins_initiated_of_itself_and_of_medium_priority() -> None:
    it = Story().it
    assert (it.status, it.source_type, it.source_id, it.priority, it.category) == (
        *("INITIATED", "MANUAL", None, "MEDIUM", ""),
    )
    assert (it.initiated_by, it.owner, it.actions) == (OPENER.id, None, ())


def test_a_capa_that_nobody_opened_is_the_systems() -> None:
    system = Actor(id=None, permissions=frozenset({"capa.create"}))
    event: Any = open_capa(Attempt(actor=system, causation="cau-1"), OPENED)
    assert (event.actor, event.causation) == (None, "cau-1")


def test_who_only_reads_opens_none() -> None:
    for person in ("viewer", "another_user", "nobody"):
        with pytest.raises(Denied, match=r"^Create: only who may open CAPAs.$"):
            open_capa(Attempt(actor=PEOPLE[person]), OPENED)


def test_all_faults_of_an_opening_are_told_at_once() -> None:
    data = {"title": " ", "category": "SPELLING", "priority": 3, "source_type": "DEVIATION", "colour": "red"}
    with pytest.raises(InvalidInput) as refused:
        open_capa(Attempt(actor=OPENER), data)
    assert set(faults(refused)) == {*data, "description", "department", "source_id"} - {"source_type"}
    assert faults(refused)["category"] == "Must be of PROCEDURAL, EQUIPMENT, MATERIAL, ENVIRONMENTAL, OTHER."


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        ({}, True),
        ({"source_type": "MANUAL"}, True),
        ({"source_type": "MANUAL", "source_id": 1}, True),
        ({"source_id": 1}, True),
        ({"source_type": "DEVIATION"}, False),
        ({"source_type": "DEVIATION", "source_id": None}, False),
        ({"source_type": "DEVIATION", "source_id": 1}, True),
        ({"source_type": "AUDIT"}, True),
        ({"source_type": "COMPLAINT", "source_id": 77}, True),
    ],
)
def test_a_deviations_id_is_asked_for_and_any_other_may_be_noted(source: dict[str, Any], taken: bool) -> None:
    if taken:
        event: Any = open_capa(Attempt(actor=OPENER), {**OPENED, **source})
        assert event.source_type == source.get("source_type", "MANUAL")
    else:
        with pytest.raises(InvalidInput) as refused:
            open_capa(Attempt(actor=OPENER), {**OPENED, **source})
        assert list(faults(refused)) == ["source_id"]


def test_another_kind_of_source_leaves_the_old_id_behind() -> None:
    story = Story(source_type="DEVIATION", source_id=4)
    story.edit(MANAGER, source_type="AUDIT")
    assert (story.it.source_type, story.it.source_id) == ("AUDIT", None)
    story.edit(MANAGER, source_type="COMPLAINT", source_id=9)
    assert (story.it.source_type, story.it.source_id) == ("COMPLAINT", 9)
    with pytest.raises(InvalidInput):
        story.edit(MANAGER, source_type="DEVIATION")


def test_the_id_of_a_source_changes_under_the_rule_of_its_kind() -> None:
    story = Story(source_type="DEVIATION", source_id=4)
    story.edit(MANAGER, source_id=5, source_type="DEVIATION")
    assert story.it.source_id == 5
    with pytest.raises(InvalidInput):
        story.edit(MANAGER, source_id=None)


@pytest.mark.parametrize("state", BEFORE_APPROVED)
@pytest.mark.parametrize("who", [OWNER, MANAGER])
def test_owner_and_quality_manager_change_fields_until_it_is_approved(who: Actor, state: str) -> None:
    words = Attempt(actor=who, reason="Misnamed")
    event: Any = revise(capa(state), words, {"title": "New", "target_completion_date": NOW})
    assert (event.topic, event.title, event.description) == ("capa.updated", "New", msgspec.UNSET)


@pytest.mark.parametrize("state", BEFORE_APPROVED[1:])
def test_once_it_is_under_way_what_was_recorded_changes_with_a_reason_and_first_entries_take_none(state: str) -> None:
    it = capa(state, root_cause_analysis="", verification_result=" ", category="")
    first = {"root_cause_analysis": "The door", "verification_result": "Held", "category": "EQUIPMENT"}
    assert revise(it, Attempt(actor=OWNER), {**first, "title": it.title, "target_completion_date": NOW}).reason is None
    for changes in ({"title": "New"}, {"priority": "LOW"}, {"impact_assessment": ""}, {**first, "department": "Other"}):
        with pytest.raises(InvalidInput) as refused:
            revise(it, Attempt(actor=OWNER), changes)
        assert list(faults(refused)) == ["reason"]


@pytest.mark.parametrize("state", ["APPROVED", "CLOSED", "CANCELLED"])
def test_nothing_is_changed_once_it_is_decided(state: str) -> None:
    it = capa(state)
    with pytest.raises(Conflict, match=f"not possible in {state}"):
        revise(it, attempt(it, ADMINISTRATOR), {"title": "New"})


@pytest.mark.parametrize("person", ["opener", "another_specialist", "action_owner", "management", "viewer"])
def test_nobody_else_changes_its_fields(person: str) -> None:
    with pytest.raises(Denied, match=r"^Edit: only the owner or a quality manager.$"):
        revise(capa(), Attempt(actor=PEOPLE[person]), {"title": "New"})


def test_what_is_faulty_is_told_before_what_the_state_refuses() -> None:
    it = capa("CLOSED")
    with pytest.raises(InvalidInput) as refused:
        revise(it, attempt(it, MANAGER), {"source_type": "DEVIATION"})
    assert list(faults(refused)) == ["source_id"]


def test_a_change_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput):
        revise(capa(), Attempt(actor=MANAGER), {})
    assert revising({}) == []
    assert [step.trigger for step in revising({"title": "New"})] == ["edit"]
