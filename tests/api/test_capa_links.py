"""Deviations and the CAPAs that follow from them: links both ways, and the CAPA that closing asks for."""

import httpx
import pytest

from tests.api.capa_stories import CapaStory, capa, opened
from tests.api.stories import Story, faults, fire, report, signed
from tests.support.product import People


def test_links_lead_both_ways(people: People) -> None:
    deviation = report(people("user"))
    made = opened(people("quality_manager"), source_type="DEVIATION", source_id=deviation["id"])
    assert made["source"] == {
        "type": "DEVIATION",
        "id": deviation["id"],
        "number": deviation["deviation_number"],
        "title": deviation["title"],
        "status": "OPEN",
    }
    shown = people("viewer").get(f"/api/deviations/{deviation['id']}/").json()
    named = {name: made[name] for name in ("id", "capa_number", "title", "status")}
    assert (deviation["capas"], shown["capas"]) == ([], [named])
    assert people("viewer").get(f"/api/capas/{made['id']}/").json() == made


def test_a_link_shows_what_the_other_record_has_become(people: People) -> None:
    deviation = Story(people)
    story = CapaStory(people, source_type="DEVIATION", source_id=deviation.id)
    tag = people("viewer").get(story.path).headers["ETag"]
    deviation.assigned()
    again = people("viewer").get(story.path, headers={"If-None-Match": tag})
    assert (again.status_code, again.json()["source"]["status"]) == (200, "UNDER_INVESTIGATION")
    story.manager.delete(story.path)
    assert people("viewer").get(deviation.path).json()["capas"] == []


def test_an_answer_to_a_change_of_a_deviation_shows_its_capas(people: People) -> None:
    story = Story(people)
    opened(people("quality_manager"), source_type="DEVIATION", source_id=story.id)
    answer = people("user").put(story.path, json={"title": "Other"})
    assert answer.content == people("viewer").get(story.path).content
    assert len(answer.json()["capas"]) == 1
    read_only = people("user").put(story.path, json={"capas": []})
    assert faults(read_only) == {"capas": "This field is read-only."}


@pytest.mark.parametrize("number", [10**9, 2**63 - 1])
def test_a_source_that_is_not_there_is_a_fault(people: People, number: int) -> None:
    given = capa(source_type="DEVIATION", source_id=number, title="")
    assert faults(people("quality_manager").post("/api/capas/", json=given)).keys() == {"title", "source_id"}


def test_a_source_that_was_cancelled_is_a_fault_unless_it_was_there_before(people: People) -> None:
    deviation = Story(people)
    story = CapaStory(people, source_type="DEVIATION", source_id=deviation.id)
    people("quality_manager").delete(deviation.path)
    given = capa(source_type="DEVIATION", source_id=deviation.id)
    assert faults(story.manager.post("/api/capas/", json=given)).keys() == {"source_id"}
    after = story.manager.put(story.path, json={**story.manager.get(story.path).json(), "title": "Kept"})
    assert (after.status_code, after.json()["source"]["status"]) == (200, "CANCELLED")


@pytest.mark.parametrize(
    "given",
    [{"source_type": "DEVIATION"}, {"source_type": "DEVIATION", "source_id": None}, {"source_id": True}],
)
def test_a_deviation_as_a_source_is_named_by_its_id(people: People, given: dict[str, object]) -> None:
    answer = people("quality_manager").post("/api/capas/", json=capa(**given))
    assert faults(answer).keys() == {"source_id"}


def test_another_source_is_checked_and_shown(people: People) -> None:
    first, second = Story(people), Story(people)
    story = CapaStory(people, source_type="DEVIATION", source_id=first.id)
    assert faults(story.manager.put(story.path, json={"source_id": 10**9})).keys() == {"source_id"}
    assert faults(story.manager.put(story.path, json={"source_id": None})).keys() == {"source_id"}
    after = story.manager.put(story.path, json={"source_id": second.id})
    assert after.json()["source"]["id"] == second.id
    assert after.content == people("viewer").get(story.path).content
    assert story.manager.put(story.path, json={"source_type": "MANUAL"}).json()["source"] is None


def test_who_may_not_see_deviations_sees_no_source_and_can_name_none(people: People) -> None:
    admin = people("administrator")
    role = {"name": f"capas-only-{people.id('user')}", "permissions": ["capa.read", "capa.create"]}
    assert admin.post("/api/config/roles/", json=role).status_code == 201
    blind, deviation = people(role["name"]), report(people("user"))
    given = capa(source_type="DEVIATION", source_id=deviation["id"])
    assert faults(blind.post("/api/capas/", json=given)) == {"source_id": f"There is no deviation {deviation['id']}."}
    made = opened(people("quality_manager"), **given)
    assert blind.get(f"/api/capas/{made['id']}/").json()["source"] is None


def closing(people: People, story: Story, **given: object) -> httpx.Response:
    return fire(people("quality_manager"), story.id, "close", signature=signed("quality_manager"), **given)


def test_the_answer_to_a_close_that_asks_for_a_capa_says_what_became_of_it(people: People) -> None:
    story = Story(people).approved()
    answer = closing(people, story, open_capa=capa(target_completion_date="2026-03-01"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "CLOSED"
    assert "open_capa" in answer.json()
    assert "open_capa" not in people("viewer").get(story.path).json()


def test_a_close_that_asks_for_none_says_nothing_of_one(people: People) -> None:
    answer = closing(people, Story(people).approved(), open_capa=None)
    assert answer.status_code == 200, answer.text
    assert "open_capa" not in answer.json()


def test_closing_through_the_status_may_ask_for_a_capa_too(people: People) -> None:
    story = Story(people).approved()
    given = {"status": "CLOSED", "signature": signed("quality_manager"), "open_capa": capa()}
    answer = people("quality_manager").put(story.path, json=given)
    assert (answer.status_code, answer.json()["status"]) == (200, "CLOSED")
    assert "open_capa" in answer.json()


def test_the_capa_that_is_asked_for_is_checked_before_anything_is_closed(people: People) -> None:
    story = Story(people).approved()
    bad = {"title": "", "priority": "SOON", "target_completion_date": "soon", "source_id": 3}
    found = {*(f"open_capa.{name}" for name in (*bad, "description", "department"))}
    assert faults(closing(people, story, open_capa=bad)).keys() == found
    assert faults(closing(people, story, open_capa=7)).keys() == {"open_capa"}
    given = {"status": "CLOSED", "signature": signed("quality_manager"), "open_capa": bad}
    assert faults(people("quality_manager").put(story.path, json=given)).keys() == found
    blank = capa(title=" ")
    assert faults(closing(people, story, open_capa=blank)).keys() == {"open_capa.title"}
    assert people("viewer").get(story.path).json()["status"] == "APPROVED"


def test_only_closing_takes_a_capa_to_open(people: People) -> None:
    story = Story(people)
    manager = people("quality_manager")
    answer = fire(manager, story.id, "cancel", reason="x", open_capa=capa())
    assert faults(answer) == {"open_capa": "This step does not take this field."}
    answer = manager.put(story.path, json={"title": "x", "open_capa": capa()})
    assert faults(answer) == {"open_capa": "Only a transition takes this field."}


def test_who_may_open_no_capas_asks_for_none(people: People) -> None:
    admin = people("administrator")
    role = {"name": f"closers-{people.id('user')}", "permissions": ["deviation.read", "deviation.manage"]}
    assert admin.post("/api/config/roles/", json=role).status_code == 201
    story = Story(people).approved()
    given = {"transition": "close", "signature": signed(role["name"])}
    closer = people(role["name"])
    answer = closer.post(f"{story.path}transition/", json={**given, "open_capa": {"bogus": 1}})
    assert answer.status_code == 403
    assert closer.post(f"{story.path}transition/", json=given).status_code == 200
