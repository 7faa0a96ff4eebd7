"""Once a record is under way, what is changed or removed of it takes a reason; what is entered first takes none."""

from collections.abc import Iterator

import pytest

from tests.api.capa_stories import CapaStory
from tests.api.stories import FOUND, Story, faults
from tests.support.product import Client, People

REQUIRED = {"reason": "This field is required."}
SYSTEM, ROLES = "/api/config/system/", "/api/config/roles/"


@pytest.fixture
def strict(people: People) -> Iterator[Client]:
    """The administrator, while configuration is changed with a reason alone."""
    admin = people("administrator")
    assert admin.put(SYSTEM, json={"config_require_reason": True}).status_code == 200
    yield admin
    admin.put(SYSTEM, json={"config_require_reason": False, "reason": "Tested."})


@pytest.mark.clause("Annex 11 § 9, reasons", negative=True)
def test_findings_are_changed_with_a_reason(people: People) -> None:
    story = Story(people).investigated()
    it, path = people("qa_specialist"), f"{story.path}investigation/"
    assert it.put(path, json=FOUND).status_code == 200  # That is no change.
    assert faults(it.put(path, json={"findings": "Seal was cut."})) == REQUIRED
    assert it.put(path, json={"findings": "Seal was cut.", "reason": "Looked again."}).status_code == 200
    entry = story.history()[-1]
    assert (entry["reason"], entry["changes"][0]["before"]) == ("Looked again.", FOUND["findings"])


def test_findings_are_completed_without_one(people: People) -> None:
    story = Story(people).assigned()
    it, path = people("qa_specialist"), f"{story.path}investigation/"
    for name, value in FOUND.items():
        assert it.put(path, json={name: value}).status_code == 200


@pytest.mark.clause("Annex 11 § 9, reasons", negative=True)
def test_a_capa_that_is_under_way_is_changed_with_a_reason(people: People) -> None:
    story = CapaStory(people).owned()
    it = story.owner
    assert it.patch(story.path, json={"title": "Before"}).status_code == 200
    started = it.post(f"{story.path}transition/", json={"transition": "start_investigation"})
    assert started.status_code == 200, started.text
    assert it.patch(story.path, json={"root_cause_analysis": "The door."}).status_code == 200
    assert faults(it.patch(story.path, json={"title": "After"})) == REQUIRED
    assert faults(it.patch(story.path, json={"root_cause_analysis": ""})) == REQUIRED
    assert it.patch(story.path, json={"title": "After", "reason": "Misnamed."}).status_code == 200
    assert story.history()[-1]["reason"] == "Misnamed."
    number = story.planned()["id"]
    path = f"{story.actions}{number}/"
    assert faults(it.patch(path, json={"description": "Other."})) == REQUIRED
    assert faults(it.delete(path)) == REQUIRED
    assert it.delete(path, params={"reason": "Not needed."}).status_code == 204


@pytest.mark.clause("Annex 11 § 9, reasons", negative=True)
def test_the_owner_of_a_capa_that_is_under_way_is_replaced_with_a_reason(people: People) -> None:
    story = CapaStory(people).owned()
    story.fired("quality_manager", "assign_owner", owner=people.id("quality_manager"))  # Nothing has begun yet.
    story.owned().fired("qa_specialist", "start_investigation")
    other = people.id("quality_manager")
    offers = story.manager.get(f"{story.path}transitions/").json()["transitions"]
    (offered,) = [offer for offer in offers if offer["name"] == "assign_owner"]
    assert offered["requires"] == ["owner", "reason"]
    assert faults(story.fire("quality_manager", "assign_owner", owner=other)) == REQUIRED
    assert faults(story.fire("quality_manager", "assign_owner")) == {"owner": REQUIRED["reason"], **REQUIRED}
    story.owned()  # That is no change.
    story.fired("quality_manager", "assign_owner", owner=other, reason="On leave.")
    assert story.history()[-1]["reason"] == "On leave."


def test_a_reason_that_is_not_given_is_told_with_every_other_fault_of_an_action(people: People) -> None:
    story = CapaStory(people).planning()
    path = f"{story.actions}{story.planned()['id']}/"
    refused = story.owner.patch(path, json={"description": "Other.", "kind": "NONE"})
    assert faults(refused).keys() == {"kind", "reason"}


@pytest.mark.clause("11.10(k)", negative=True)
def test_configuration_is_changed_with_a_reason_where_that_is_set(strict: Client) -> None:
    assert faults(strict.put(SYSTEM, json={"due_days_minor": 29})) == REQUIRED
    shown = strict.get(SYSTEM).json()
    assert strict.put(SYSTEM, json=shown).status_code == 200  # That is no change.
    made = strict.post(ROLES, json={"name": "Because", "permissions": ["deviation.read"]})
    assert made.status_code == 201, made.text
    path = f"{ROLES}{made.json()['id']}/"
    assert faults(strict.put(path, json={"permissions": []})) == REQUIRED
    assert strict.put(path, json={"permissions": [], "reason": "Not used."}).status_code == 200
