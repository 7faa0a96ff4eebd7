"""Every step of a CAPA's life, over HTTP."""

from tests.api.capa_stories import CapaStory
from tests.api.stories import faults, message, signed
from tests.support.product import People


def test_a_capa_goes_from_opening_to_closure_and_is_opened_again(people: People) -> None:
    story = CapaStory(people).closed()
    assert (story.record["status"], story.record["closed_at"] is None) == ("CLOSED", False)
    story.signed("quality_manager", "reopen", reason="It wore again.")
    assert (story.record["status"], story.record["closed_at"]) == ("INVESTIGATION", None)
    entries = story.history()
    assert [entry["event"].removeprefix("capa.") for entry in entries] == [
        "created", "owner_assigned", "investigation_started", "updated", "planning_started", "action_added",
        "implementation_started", "action_changed", "effectiveness_check_started", "updated", "approved", "closed",
        "reopened",
    ]  # fmt: skip
    signatures = {entry["event"]: entry["signature"] for entry in entries if entry["signature"]}
    assert signatures.keys() == {"capa.implementation_started", "capa.approved", "capa.closed", "capa.reopened"}
    assert all(it["valid"] and it["by"] == people.id("quality_manager") for it in signatures.values())
    fields = {change["field"] for change in entries[0]["changes"]}
    assert {"capa_number", "initiation_date", "title"} <= fields


def test_steps_that_are_signed_are_refused_without_a_signature(people: People) -> None:
    story = CapaStory(people).planning()
    story.planned()
    assert faults(story.fire("quality_manager", "start_implementation")).keys() == {"signature"}
    wrong = {**signed("quality_manager"), "password": "wrong-password"}
    assert story.fire("quality_manager", "start_implementation", signature=wrong).status_code == 403


def test_guards_say_what_is_missing(people: People) -> None:
    story = CapaStory(people)
    assert message(story.fire("quality_manager", "start_investigation")) == "An owner must be assigned first."
    story.owned().fired("qa_specialist", "start_investigation")
    assert story.fire("qa_specialist", "plan_actions").status_code == 409


def test_an_ineffective_capa_is_planned_again(people: People) -> None:
    story = CapaStory(people).checking()
    story.fired("quality_manager", "mark_ineffective", reason="A seal was worn.")
    assert story.record["status"] == "ACTION_PLANNING"


def test_the_owner_does_not_approve_the_own_capa(people: People) -> None:
    manager = people.id("quality_manager", another=1)
    story = CapaStory(people).checking().put(verification_result="Good.")
    story.fired("quality_manager", "assign_owner", owner=manager, reason="On leave.")
    given = {"transition": "approve", "signature": signed("quality_manager")}
    answer = people("quality_manager", another=1).post(f"{story.path}transition/", json=given)
    assert answer.status_code == 409


def test_an_answer_to_a_transition_is_the_record_as_its_detail_shows_it(people: People) -> None:
    story = CapaStory(people)
    answer = story.fire("quality_manager", "assign_owner", owner=people.id("qa_specialist"))
    detail = people("viewer").get(story.path)
    assert (answer.content, answer.headers["ETag"]) == (detail.content, detail.headers["ETag"])


def test_offers_tell_what_may_be_fired_now_and_why_not_the_rest(people: People) -> None:
    answer = people("quality_manager").get(f"{CapaStory(people).path}transitions/").json()
    offers = {it["name"]: it for it in answer["transitions"]}
    assert answer["status"] == "INITIATED"
    assert offers["assign_owner"]["allowed"]
    assert offers["start_investigation"]["why_not"] == ["An owner must be assigned first."]
    assert offers["start_implementation"]["requires"] == ["signature"]
    assert {"edit", "add_action", "attach"}.isdisjoint(offers)
