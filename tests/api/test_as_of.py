"""Details and lists as of a time, as clients ask for them."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.api.capa_stories import CapaStory, opened
from tests.api.files import attached
from tests.api.stories import Story, body, faults, listed
from tests.support.product import Client, People, Product


def now() -> str:
    return datetime.now(UTC).isoformat()


def at(story: Story | CapaStory, version: int) -> str:
    """Return when a version was recorded."""
    moment: str = story.history()[version - 1]["at"]
    return moment


def get(client: Client, path: str, as_of: str, **params: Any) -> dict[str, Any]:
    answer = client.get(path, params={"as_of": as_of, **params})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def test_each_version_is_shown_as_it_was(people: People) -> None:
    viewer, story = people("viewer"), Story(people, department="As of")
    before = [viewer.get(story.path).json()]
    for step in (story.assigned,):
        step()
        before.append(viewer.get(story.path).json())
    people("quality_manager").patch(story.path, json={"title": "Another", "reason": "It was wrong."})
    before.append(viewer.get(story.path).json())
    shown = [get(viewer, story.path, at(story, version)) for version in (1, 2, 3)]
    assert shown == before
    assert shown[0]["status"] == "OPEN"


def test_the_present_is_what_a_time_to_come_shows(people: People) -> None:
    viewer, story = people("viewer"), Story(people)
    for ahead in ("2999-01-01", datetime.now(UTC).date().isoformat(), now()):
        assert viewer.get(story.path, params={"as_of": ahead}).content == viewer.get(story.path).content


def test_before_it_began_there_was_none(people: People) -> None:
    story = Story(people)
    begun = datetime.fromisoformat(at(story, 1))
    for before in ((begun - timedelta(microseconds=1)).isoformat(), "2020-01-31", "0001-01-01"):
        assert people("viewer").get(story.path, params={"as_of": before}).status_code == 404
    assert people("viewer").get(f"/api/deviations/{2**40}/", params={"as_of": "2999-01-01"}).status_code == 404


@pytest.mark.clause("Draft 2025, time zones")
def test_a_time_is_read_as_every_bound_is(people: People) -> None:
    """A naive one is UTC, one in whole seconds takes its second in, and any zone may be named."""
    story = Story(people)
    begun = datetime.fromisoformat(at(story, 1))
    zone = begun.astimezone(tz=None) + timedelta(0)
    for same in (
        begun.replace(tzinfo=None).isoformat(),
        story.record["initiation_date"],
        begun.isoformat().replace("+00:00", "Z"),
        zone.isoformat(),
    ):
        assert get(people("viewer"), story.path, same)["status"] == "OPEN", same


@pytest.mark.parametrize("as_of", ["yesterday", "2026-13-01", "2026-02-30", "12", "9999-12-31T23:59:59-23:00"])
@pytest.mark.clause("Draft 2025, time zones", negative=True)
def test_what_is_no_time_is_refused_by_name(people: People, as_of: str) -> None:
    story = Story(people)
    for path in (story.path, "/api/deviations/", f"{story.path}attachments/"):
        assert "as_of" in faults(people("viewer").get(path, params={"as_of": as_of}))
    nothing = people("viewer").get(f"/api/deviations/{2**40}/", params={"as_of": as_of})
    assert nothing.status_code == 404


def test_what_was_cancelled_later_was_there(people: People) -> None:
    viewer, story = people("viewer"), Story(people, department="As of cancelled")
    people("quality_manager").delete(story.path)
    assert viewer.get(story.path).status_code == 404
    assert get(viewer, story.path, at(story, 1))["status"] == "OPEN"
    assert [
        it["id"] for it in get(viewer, "/api/deviations/", at(story, 1), department="As of cancelled")["results"]
    ] == [story.id]
    assert get(viewer, "/api/deviations/", now(), department="As of cancelled")["count"] == 0


def test_what_was_cancelled_by_then_is_shown_and_listed_for_who_reads_the_audit_trail(people: People) -> None:
    """It is hidden from the present alone."""
    story = Story(people, department="As of hidden")
    people("quality_manager").delete(story.path)
    moment = at(story, 2)
    assert people("viewer").get(story.path).status_code == 404
    assert people("operator").get(story.path, params={"as_of": moment}).status_code == 404
    assert get(people("viewer"), story.path, moment)["status"] == "CANCELLED"
    asked = {"department": "As of hidden", "status": "CANCELLED", "as_of": moment}
    assert listed(people, **asked) == []
    assert listed(people, "auditor", **asked) == [story.id]
    assert listed(people, "auditor", **{**asked, "as_of": at(story, 1)}) == []


def test_a_list_is_narrowed_by_what_records_were(people: People) -> None:
    one, other = (Story(people, department="As of list") for _ in range(2))
    moment = at(other, 1)
    one.assigned()
    asked = {"department": "As of list", "status": "OPEN"}
    assert listed(people, **asked) == [other.id]
    assert listed(people, **asked, as_of=moment) == [other.id, one.id]
    page = get(people("viewer"), "/api/deviations/", moment, department="As of list")
    assert page["results"][1] == {**page["results"][1], "id": one.id, "status": "OPEN"}
    assert page["results"][0].keys() == people("viewer").get("/api/deviations/").json()["results"][0].keys()


def test_pages_of_a_list_stay_at_the_moment(people: People) -> None:
    stories = [Story(people, department="As of pages") for _ in range(3)]
    moment = at(stories[-1], 1)
    Story(people, department="As of pages")
    viewer, seen = people("viewer"), list[int]()
    page = get(viewer, "/api/deviations/", moment, department="As of pages", limit=2)
    while True:
        seen += [it["id"] for it in page["results"]]
        assert page["count"] == 3
        if page["next"] is None:
            break
        assert "as_of=" in page["next"]
        page = viewer.get(page["next"]).json()
    assert seen == [story.id for story in reversed(stories)]
    past = viewer.get("/api/deviations/", params={"as_of": moment, "department": "As of pages", "page": 5})
    assert past.status_code == 404
    assert get(viewer, "/api/deviations/", "2020-01-01") == {"count": 0, "next": None, "previous": None, "results": []}


def test_capas_look_back_as_deviations_do(people: People) -> None:
    """Their actions too, and what is overdue is what was overdue then."""
    due = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    viewer, story = people("viewer"), CapaStory(people, department="As of capas", target_completion_date=due)
    story.planning()
    action = story.planned()
    planned = at(story, len(story.history()))
    people("quality_manager").delete(story.path, params={"reason": "Not needed."})
    shown = get(viewer, story.path, planned)
    assert (shown["status"], [it["id"] for it in shown["actions"]]) == ("ACTION_PLANNING", [action["id"]])
    assert get(viewer, story.path, at(story, 1))["actions"] == []
    assert get(viewer, story.actions, at(story, 1))["count"] == 0
    assert get(viewer, story.actions, planned)["results"] == shown["actions"]
    assert get(viewer, f"{story.actions}{action['id']}/", planned) == shown["actions"][0]
    for overdue, count in (("true", 1), ("false", 0)):
        asked = {"department": "As of capas", "overdue": overdue}
        assert get(viewer, "/api/capas/", planned, **asked)["count"] == count
        assert get(viewer, "/api/capas/", now(), **asked)["count"] == 0


def test_links_are_shown_as_they_were(people: People) -> None:
    viewer, story = people("viewer"), Story(people, department="As of links")
    alone = at(story, 1)
    capa = opened(people("quality_manager"), source_type="DEVIATION", source_id=story.id, department="As of links")
    linked = now()
    story.assigned()
    people("quality_manager").patch(f"/api/capas/{capa['id']}/", json={"title": "Renamed"})
    assert get(viewer, story.path, alone)["capas"] == []
    (link,) = get(viewer, story.path, linked)["capas"]
    assert (link["id"], link["title"], link["status"]) == (capa["id"], "Seals", "INITIATED")
    assert get(viewer, story.path, now())["capas"][0]["title"] == "Renamed"
    source = get(viewer, f"/api/capas/{capa['id']}/", linked)["source"]
    assert (source["id"], source["status"]) == (story.id, "OPEN")


def test_people_are_shown_under_the_names_that_they_had(people: People) -> None:
    story = Story(people)
    moment, admin = now(), people("administrator")
    user = story.record["initiated_by"]["id"]
    renamed = admin.patch(f"/api/users/{user}/", json={"last_name": "Otherwise"})
    assert renamed.status_code == 200, renamed.text
    try:
        assert people("viewer").get(story.path).json()["initiated_by"]["last_name"] == "Otherwise"
        assert get(people("viewer"), story.path, moment)["initiated_by"]["last_name"] == "Person0"
    finally:
        admin.patch(f"/api/users/{user}/", json={"last_name": "Person0"})


def test_files_are_those_of_then(people: People) -> None:
    client, story = people("user"), Story(people)
    file = attached(client, story.path)
    moment = now()
    removed = people("user").delete(f"{story.path}attachments/{file['id']}/", params={"reason": "The wrong one."})
    assert removed.status_code == 204, removed.text
    viewer = people("viewer")
    assert get(viewer, story.path, now())["attachments"] == []
    assert get(viewer, story.path, moment)["attachments"] == [file]
    assert get(viewer, f"{story.path}attachments/", moment)["results"] == [file]
    assert get(viewer, f"{story.path}attachments/{file['id']}/", moment) == file


def test_the_tag_is_that_of_the_version_then(people: People) -> None:
    viewer, story = people("viewer"), Story(people)
    moment = at(story, 1)
    story.assigned()
    answer = viewer.get(story.path, params={"as_of": moment})
    assert answer.headers["ETag"].startswith('"1-')
    again = viewer.get(story.path, params={"as_of": moment}, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    changed = people("quality_manager").patch(
        story.path, json={"title": "No", "reason": "No."}, headers={"If-Match": answer.headers["ETag"]}
    )
    assert changed.status_code == 412


def test_a_list_waits_for_what_its_client_has_seen(people: People) -> None:
    made = people("user").post(
        "/api/deviations/",
        json={
            "title": "T", "description": "D", "category": "OTHER", "classification": "MINOR",
            "department": "As of position",
        },
    )  # fmt: skip
    answer = people("viewer").get(
        "/api/deviations/",
        params={"as_of": now(), "department": "As of position"},
        headers={"X-Min-Position": made.headers["X-Position"]},
    )
    assert answer.json()["count"] == 1
    assert int(answer.headers["X-Position"]) >= int(made.headers["X-Position"])


def test_who_may_not_see_such_records_sees_none_of_the_past(people: People) -> None:
    role = f"nothing-{time.monotonic_ns()}"
    made = people("administrator").post("/api/config/roles/", json={"name": role, "permissions": []})
    assert made.status_code == 201, made.text
    story = Story(people)
    assert people(role).get(story.path, params={"as_of": at(story, 1)}).status_code == 404
    assert people(role).get("/api/deviations/", params={"as_of": at(story, 1)}).status_code == 403


@pytest.mark.long
def test_a_past_that_is_not_known_yet_is_not_answered(product: Product, people: People) -> None:
    """A list, and the links of a detail, are found by a read model: one that stands still knows of nothing new."""
    viewer, story = people("viewer"), Story(people, department="As of late")
    asked = {"path": "/api/deviations/", "department": "As of late"}
    early = at(story, 1)
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        connection.execute("SELECT FROM ops.positions WHERE name = 'versions' FOR UPDATE")
        made = people("user").post("/api/deviations/", json=body(department="As of late"))
        late = made.json()["initiation_date"]
        for path in ("/api/deviations/", story.path):
            assert viewer.get(path, params={"as_of": late}).status_code == 503
        assert get(viewer, as_of=early, **asked)["count"] == 1
        assert get(viewer, story.path, early)["id"] == story.id
    assert get(viewer, as_of=late, **asked)["count"] == 2
