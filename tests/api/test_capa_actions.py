"""The actions of a CAPA."""

from tests.api.capa_stories import PLANNED, CapaStory
from tests.api.stories import faults
from tests.support.product import People


def test_an_action_is_planned_shown_changed_and_taken_out(people: People) -> None:
    story = CapaStory(people).owned()
    made = story.planned(kind="CORRECTIVE")
    path = f"{story.actions}{made['id']}/"
    assert made == {**PLANNED, "id": made["id"], "kind": "CORRECTIVE", "owner": people.id("user"), "done": False}
    assert people("viewer").get(path).json() == made
    for method, given in (("PUT", {"description": "Each week."}), ("PATCH", {"due_date": None})):
        answer = story.owner.request(method, path, json=given)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {**made, **given}
        made = answer.json()
    assert people("viewer").get(story.path).json()["actions"] == [made]
    assert story.owner.delete(path).status_code == 204
    assert people("viewer").get(path).status_code == 404
    assert people("viewer").get(story.actions).json()["results"] == []


def test_actions_are_listed_oldest_first_in_pages(people: People) -> None:
    story = CapaStory(people).owned()
    made = [story.planned(description=text)["id"] for text in ("One", "Two", "Three")]
    page = people("viewer").get(story.actions, params={"limit": 2}).json()
    assert (page["count"], [it["id"] for it in page["results"]]) == (3, made[:2])
    assert [it["id"] for it in people("viewer").get(page["next"]).json()["results"]] == made[2:]


def test_every_fault_of_an_action_is_told(people: People) -> None:
    story = CapaStory(people).owned()
    bad = {"kind": "GOOD", "due_date": "soon", "owner": "me", "done": "yes"}
    assert faults(story.owner.post(story.actions, json=bad)).keys() == {*bad, "description"}
    path = f"{story.actions}{story.planned()['id']}/"
    assert faults(story.owner.put(path, json={**bad, "done": 7, "id": 0})).keys() == {*bad, "id"}


def test_an_actions_owner_must_be_an_active_user(people: People) -> None:
    story = CapaStory(people).owned()
    answer = story.owner.post(story.actions, json={**PLANNED, "owner": 10**9})
    assert answer.status_code == 409


def test_who_is_to_do_it_says_that_it_is_done_and_changes_nothing_else(people: People) -> None:
    story = CapaStory(people).implementing()
    (action,) = story.record["actions"]
    path = f"{story.actions}{action['id']}/"
    for other in (people("user", another=1), people("viewer")):
        assert other.patch(path, json={"done": True}).status_code == 403
    assert people("user").patch(path, json={"description": "Less."}).status_code == 403
    done = people("user").put(path, json={**action, "done": True})
    assert (done.status_code, done.json()) == (200, {**action, "done": True})
    assert story.owner.delete(path, params={"reason": "x"}).status_code == 409


def test_what_was_done_already_is_added_as_done_while_it_is_implemented(people: People) -> None:
    story = CapaStory(people).owned()
    early = story.owner.post(story.actions, json={**PLANNED, "done": True})
    assert (early.status_code, early.json()["error"]["code"]) == (409, "CONFLICT")
    assert story.planned(done=False)["done"] is False
    story = CapaStory(people).implementing()
    given = {**PLANNED, "owner": people.id("user"), "due_date": "2026-03-01", "done": True, "reason": "Forgotten."}
    made = story.owner.post(story.actions, json=given)
    assert (made.status_code, made.json()["done"]) == (201, True)
    assert people("viewer").get(f"{story.actions}{made.json()['id']}/").json() == made.json()
    added = [it["event"] for it in story.history()][-1]
    assert added == "capa.action_added"


def test_a_field_is_only_named_where_it_is_really_near(people: People) -> None:
    story = CapaStory(people).owned()
    told = faults(story.owner.post(story.actions, json={**PLANNED, "dome": 1, "onwer": 1, "phone": 1}))
    assert told == {
        "dome": "Unknown field. Did you mean done?",
        "onwer": "Unknown field. Did you mean owner?",
        "phone": "Unknown field.",
    }


def test_what_was_agreed_to_is_changed_with_a_reason(people: People) -> None:
    story = CapaStory(people).implementing()
    (action,) = story.record["actions"]
    path = f"{story.actions}{action['id']}/"
    assert faults(story.owner.patch(path, json={"description": ""})).keys() == {"description", "reason"}
    assert faults(story.owner.delete(path)).keys() == {"reason"}
    assert faults(story.owner.post(story.actions, json={})).keys() == {"kind", "description", "reason"}
    answer = story.owner.patch(path, json={"description": "More.", "reason": "Too little."})
    assert (answer.status_code, answer.json()["description"]) == (200, "More.")
    assert story.history()[-1]["reason"] == "Too little."


def test_an_action_put_back_is_no_change(people: People) -> None:
    story = CapaStory(people).owned()
    path = f"{story.actions}{story.planned(due_date='2026-03-01T09:30:00.5Z')['id']}/"
    before = story.owner.get(path)
    after = story.owner.put(path, json=before.json())
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])


def test_an_actions_version_is_its_capas(people: People) -> None:
    story = CapaStory(people).owned()
    action = story.owner.post(story.actions, json=PLANNED)
    path, tag = f"{story.actions}{action.json()['id']}/", action.headers["ETag"]
    assert people("viewer").get(path, headers={"If-None-Match": tag}).status_code == 304
    assert story.owner.patch(path, json={"description": "x"}, headers={"If-Match": tag}).status_code == 200
    assert story.owner.patch(path, json={"bogus": "y"}, headers={"If-Match": tag}).status_code == 412
    assert story.owner.delete(path, headers={"If-Match": tag}).status_code == 412


def test_the_same_key_adds_an_action_once(people: People) -> None:
    story = CapaStory(people).owned()
    headers = {"Idempotency-Key": f"action-{story.id}"}
    first, again = (story.owner.post(story.actions, json=PLANNED, headers=headers) for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert story.owner.get(story.actions).json()["count"] == 1


def test_an_action_of_another_capa_is_not_found(people: People) -> None:
    action, other = CapaStory(people).owned().planned(), CapaStory(people).owned()
    path = f"{other.actions}{action['id']}/"
    for answer in (
        other.owner.get(path), other.owner.put(path, json={"bogus": 1}), other.owner.delete(path),
        people("viewer").patch(path, json={}), other.owner.get(f"{other.actions}{10**30}/"),
    ):  # fmt: skip
        assert answer.status_code == 404


def test_nothing_is_planned_where_all_is_over(people: People) -> None:
    story = CapaStory(people).closed()
    assert story.manager.post(story.actions, json=PLANNED).status_code == 409
    assert people("viewer").post(story.actions, json={}).status_code == 403
