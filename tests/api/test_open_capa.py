"""Closing a deviation with a CAPA in mind: the answer carries it, and it is opened once."""

from typing import Any

import httpx

from tests.api.stories import Story, fire, signed
from tests.support.product import People

WANTED = {"title": "Retrain the line", "description": "All shifts.", "department": "Production", "priority": "HIGH"}


def close(people: People, story: Story, headers: dict[str, str] | None = None, **given: Any) -> httpx.Response:
    body = {"transition": "close", "signature": signed("quality_manager"), "open_capa": WANTED, **given}
    return people("quality_manager").post(f"{story.path}transition/", json=body, headers=headers or {})


def following(people: People, story: Story) -> list[dict[str, Any]]:
    asked = {"source_type": "DEVIATION", "source_id": story.id}
    found: list[dict[str, Any]] = people("viewer").get("/api/capas/", params=asked).json()["results"]
    return found


def test_the_answer_to_closing_carries_the_capa_that_it_opened(people: People) -> None:
    story = Story(people).approved()
    answer = close(people, story)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    capa = shown["open_capa"]
    assert {name: capa[name] for name in WANTED} == WANTED
    assert (capa["status"], capa["source"]["number"]) == ("INITIATED", shown["deviation_number"])
    assert capa["initiated_by"]["id"] == people.id("quality_manager")
    assert [link["id"] for link in shown["capas"]] == [capa["id"]]
    assert people("viewer").get(f"/api/capas/{capa['id']}/").json() == capa
    assert people("viewer").get(story.path).json()["capas"] == shown["capas"]


def test_a_status_that_is_put_opens_it_too(people: People) -> None:
    story = Story(people).approved()
    body = {"status": "CLOSED", "signature": signed("quality_manager"), "open_capa": WANTED}
    answer = people("quality_manager").put(story.path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["open_capa"]["title"] == "Retrain the line"


def test_the_same_request_again_opens_none_and_is_answered_with_the_first(people: People) -> None:
    story = Story(people).approved()
    key = {"Idempotency-Key": f"close-{story.id}"}
    first = close(people, story, key)
    again = close(people, story, key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert [one["id"] for one in following(people, story)] == [first.json()["open_capa"]["id"]]


def test_closing_that_is_refused_opens_none(people: People) -> None:
    story = Story(people).approved()
    assert close(people, story, signature=signed("nobody")).status_code == 403
    assert following(people, story) == []


def test_closing_without_one_in_mind_opens_none_and_does_not_speak_of_it(people: People) -> None:
    story = Story(people).closed()
    assert "open_capa" not in story.record
    assert following(people, story) == []


def test_closed_a_second_time_it_opens_a_second_one(people: People) -> None:
    story = Story(people).approved()
    first = close(people, story).json()["open_capa"]
    quality = people("quality_manager")
    given = {"reason": "Not all shifts.", "signature": signed("quality_manager")}
    assert fire(quality, story.id, "reopen", **given).status_code == 200
    specialist = people("qa_specialist")
    assert fire(specialist, story.id, "submit_investigation").status_code == 200
    head = people("department_head")
    assert fire(head, story.id, "approve_department", signature=signed("department_head")).status_code == 200
    second = close(people, story).json()
    assert second["open_capa"]["id"] != first["id"]
    assert [link["id"] for link in second["capas"]] == [first["id"], second["open_capa"]["id"]]
