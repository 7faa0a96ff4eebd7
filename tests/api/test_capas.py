"""Opening, listing, changing and removing CAPAs."""

from datetime import UTC, datetime, timedelta

from tests.api.capa_stories import CapaStory, capa, listed_capas, opened
from tests.api.stories import faults, signed
from tests.support.product import People


def test_a_capa_is_opened_as_the_document_asks_and_shown_whole(people: People) -> None:
    given = {
        "title": "Seals",
        "description": "They wear.",
        "priority": "URGENT",
        "department": "Plant",
        "target_completion_date": "2024-01-30T09:30:00Z",
        "source_type": "AUDIT",
        "source_id": 17,
    }
    made = opened(people("quality_manager"), **given)
    assert made == people("viewer").get(f"/api/capas/{made['id']}/").json()
    assert made["capa_number"].startswith(f"CAPA-{made['initiation_date'][:4]}-")
    assert {name: made[name] for name in given} == given
    assert made["initiated_by"]["id"] == people.id("quality_manager")
    assert (made["status"], made["owner"], made["source"], made["actions"]) == ("INITIATED", None, None, [])


def test_every_fault_of_a_new_capa_is_told_with_its_field(people: People) -> None:
    bad = {"title": "", "priority": "SOON", "source_type": "DEVIATION", "target_completion_date": "soon", "owner": 1}
    found = faults(people("quality_manager").post("/api/capas/", json=bad))
    assert found.keys() == {
        "title", "description", "department", "priority", "source_id", "target_completion_date", "owner",
    }  # fmt: skip


def test_a_list_shows_summaries_and_is_narrowed_by_each_filter(people: People) -> None:
    story = CapaStory(people, department="Narrow", priority="LOW", source_type="COMPLAINT", source_id=4).owned()
    opened(people("quality_manager"), department="Narrow")
    today = datetime.now(UTC).date().isoformat()
    for params in (
        {"priority": "LOW"}, {"source_type": "COMPLAINT"}, {"source_id": 4}, {"owner": people.id("qa_specialist")},
    ):  # fmt: skip
        assert listed_capas(people, department="Narrow", **params) == [story.id]
    assert len(listed_capas(people, department="Narrow", status="INITIATED", date_from=today, date_to=today)) == 2
    (record,) = (
        people("viewer").get("/api/capas/", params={"department": "Narrow", "priority": "LOW"}).json()["results"]
    )
    assert (record["capa_number"], record["owner"]) == (story.record["capa_number"], people.id("qa_specialist"))
    assert "actions" not in record


def test_what_is_overdue_can_be_asked_for(people: People) -> None:
    late, due = ((datetime.now(UTC) + timedelta(days=days)).isoformat() for days in (-1, 1))
    made = opened(people("quality_manager"), department="Overdue", target_completion_date=late)
    opened(people("quality_manager"), department="Overdue", target_completion_date=due)
    assert listed_capas(people, department="Overdue", overdue="true") == [made["id"]]
    assert made["id"] not in listed_capas(people, department="Overdue", overdue="false")
    answer = people("viewer").get("/api/capas/", params={"overdue": "maybe"})
    assert faults(answer).keys() == {"overdue"}


def test_only_the_fields_given_change_and_the_record_put_back_is_no_change(people: People) -> None:
    story = CapaStory(people)
    for method in ("PUT", "PATCH"):
        after = story.manager.request(method, story.path, json={"title": method})
        assert after.status_code == 200, after.text
        assert after.json() == {**story.record, "title": method, "updated_at": after.json()["updated_at"]}
    again = story.manager.put(story.path, json=after.json())
    assert (again.status_code, again.content) == (200, after.content)


def test_the_whole_record_put_back_when_it_is_closed_is_no_change(people: People) -> None:
    story = CapaStory(people).closed()
    before = story.manager.get(story.path)
    assert story.manager.put(story.path, json=before.json()).content == before.content


def test_who_neither_owns_nor_manages_does_not_change_it(people: People) -> None:
    story = CapaStory(people).owned()
    assert people("qa_specialist", another=1).patch(story.path, json={"title": "x"}).status_code == 403
    assert story.owner.patch(story.path, json={"title": "x"}).status_code == 200


def test_a_changed_status_fires_its_transition_with_the_edit_in_one_append(people: People) -> None:
    story = CapaStory(people).owned()
    given = {**story.record, "status": "INVESTIGATION", "impact_assessment": "Small.", "comment": "Go."}
    answer = story.owner.put(story.path, json=given)
    assert answer.status_code == 200, answer.text
    edit, step = story.history()[-2:]
    assert (edit["event"], step["event"]) == ("capa.updated", "capa.investigation_started")
    assert step["position"] == edit["position"] + 1


def test_an_owner_is_named_by_a_transition_alone(people: People) -> None:
    story = CapaStory(people)
    answer = story.manager.put(story.path, json={"owner": people.id("qa_specialist")})
    assert faults(answer) == {"owner": "Only a transition takes this field."}
    answer = story.fire("quality_manager", "assign_owner", owner=people.id("viewer"))
    assert answer.status_code == 409
    answer = story.fire("quality_manager", "cancel", reason="x", owner=people.id("qa_specialist"))
    assert faults(answer) == {"owner": "This step does not take this field."}


def test_removing_cancels_with_a_reason_and_leaves_the_history(people: People) -> None:
    story = CapaStory(people, department="Gone")
    assert people("qa_specialist").delete(story.path).status_code == 403
    answer = story.manager.delete(story.path, params={"reason": "Twice opened"})
    assert (answer.status_code, answer.content) == (204, b"")
    entry = story.history()[-1]
    assert (entry["event"], entry["to"], entry["reason"]) == ("capa.cancelled", "CANCELLED", "Twice opened")
    assert story.manager.get(story.path).status_code == 404
    assert story.manager.get(story.actions).status_code == 404
    assert listed_capas(people, department="Gone") == []
    assert listed_capas(people, department="Gone", status="CANCELLED") == []
    assert listed_capas(people, "auditor", department="Gone", status="CANCELLED") == [story.id]


def test_another_version_is_412_before_any_fault_and_a_bad_signature_403_before_that(people: People) -> None:
    story = CapaStory(people)
    stale = {"If-Match": '"9-x"'}
    assert story.manager.put(story.path, json={"bogus": 1}, headers=stale).status_code == 412
    given = {"bogus": 1, "signature": {**signed("quality_manager"), "password": "wrong-password"}}
    assert story.manager.put(story.path, json=given, headers=stale).status_code == 403


def test_who_may_not_see_deviations_or_capas_is_told_of_neither(people: People) -> None:
    made = opened(people("quality_manager"))
    for path in ("", "history/", "transitions/", "actions/"):
        assert people("operator").get(f"/api/capas/{made['id']}/{path}").status_code == 404
    assert people("operator").get("/api/capas/").status_code == 403
    assert people("viewer").post("/api/capas/", json=capa()).status_code == 403
