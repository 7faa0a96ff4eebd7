"""The configuration over HTTP: settings, roles, and from when they hold."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.stories import Story, faults, fired, signed
from tests.support.product import Client, People

SYSTEM = "/api/config/system/"
ROLES = "/api/config/roles/"


@pytest.fixture
def admin(people: People) -> Iterator[Client]:
    """The administrator, who leaves the settings as they were."""
    client = people("administrator")
    before = client.get(SYSTEM).json()
    yield client
    client.put(SYSTEM, json=before)


def name() -> str:
    return f"role-{secrets.token_hex(6)}"


def report(client: Client, **changes: Any) -> dict[str, Any]:
    body = {"title": "t", "description": "d", "category": "OTHER", "classification": "MINOR", "department": "Lab"}
    made = client.post("/api/deviations/", json={**body, **changes})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def test_the_settings_are_one_flat_object(admin: Client) -> None:
    answer = admin.get(SYSTEM)
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["due_days_critical"], shown["time_zone"]) == (3, "UTC")
    assert shown["approval_chain_critical"] == ["department", "qa", "management"]
    assert admin.get(SYSTEM, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_settings_that_were_read_can_be_put_back(admin: Client) -> None:
    before = admin.get(SYSTEM)
    after = admin.put(SYSTEM, json=before.json())
    assert (after.status_code, after.json()) == (200, before.json())
    assert after.headers["ETag"] == before.headers["ETag"]


@pytest.mark.clause("11.10(k)")
def test_a_change_holds_for_what_begins_after_it(admin: Client, people: People) -> None:
    answer = admin.put(SYSTEM, json={"due_days_minor": 11, "reason": "Thirty days are too many."})
    assert (answer.status_code, answer.json()["due_days_minor"]) == (200, 11)
    made = report(people("user"))
    assert made["due_date"][:10] > made["initiation_date"][:10]
    days = int(made["due_date"][8:10]) - int(made["initiation_date"][8:10])
    assert days % 30 in (11, 10, 9, 12)


def test_every_fault_of_the_settings_is_told_at_once(admin: Client) -> None:
    answer = admin.put(
        SYSTEM,
        json={
            "due_days_minor": -1,
            "approval_chain_minor": [],
            "time_zone": "Mars/Olympus",
            "rate_limit_roles": {"king": 5},
            "attachment_types": ["pdf"],
            "lockout_attempts": True,
            "colour": "red",
        },
    )
    assert answer.status_code == 400
    assert set(faults(answer)) == {
        "due_days_minor", "approval_chain_minor", "time_zone", "rate_limit_roles.king", "attachment_types",
        "lockout_attempts", "colour",
    }  # fmt: skip


@pytest.mark.clause("11.10(f)", negative=True)
def test_a_chain_that_leaves_a_review_out_is_refused(admin: Client) -> None:
    answer = admin.put(SYSTEM, json={"approval_chain_major": ["department", "management"]})
    assert answer.status_code == 400
    assert "leaves none out between" in faults(answer)["approval_chain_major"]


@pytest.mark.clause("11.10(k)", negative=True)
def test_settings_are_seen_and_changed_by_who_may(people: People) -> None:
    assert people("viewer").get(SYSTEM).status_code == 200
    assert people("user").get(SYSTEM).status_code == 403
    assert people("quality_manager").put(SYSTEM, json={"due_days_minor": 1}).status_code == 403


def test_another_change_meanwhile_is_noticed(admin: Client) -> None:
    tag = admin.get(SYSTEM).headers["ETag"]
    assert admin.patch(SYSTEM, json={"lockout_minutes": 16}, headers={"If-Match": tag}).status_code == 200
    assert admin.patch(SYSTEM, json={"lockout_minutes": 17}, headers={"If-Match": tag}).status_code == 412


@pytest.mark.clause("11.10(d)")
def test_a_new_role_can_be_held_at_once(admin: Client, people: People) -> None:
    named = name()
    made = admin.post(ROLES, json={"name": named, "permissions": ["deviation.read", "webhook.read"]})
    assert made.status_code == 201, made.text
    role = made.json()
    assert role == {"id": role["id"], "name": named, "permissions": ["deviation.read", "webhook.read"]}
    assert role["id"] > 100
    holder = people(named)
    assert holder.get("/api/webhooks/").status_code == 200
    assert holder.get("/api/users/").status_code == 403


def test_a_role_that_grants_more_grants_it_to_its_holders_at_once(admin: Client, people: People) -> None:
    named = name()
    role = admin.post(ROLES, json={"name": named, "permissions": ["deviation.read"]}).json()
    holder = people(named)
    assert holder.get("/api/users/").status_code == 403
    body = {"permissions": ["deviation.read", "user.read"], "reason": "They keep the lists."}
    changed = admin.put(f"{ROLES}{role['id']}/", json=body)
    assert (changed.status_code, changed.json()["permissions"]) == (200, body["permissions"])
    assert holder.get("/api/users/").status_code == 200


def test_a_role_that_was_read_can_be_put_back(admin: Client) -> None:
    for number in (1, 2):
        shown = admin.get(f"{ROLES}{number}/").json()
        assert admin.put(f"{ROLES}{number}/", json=shown).json() == shown


def test_a_roles_name_is_for_ever(admin: Client) -> None:
    answer = admin.put(f"{ROLES}3/", json={"name": "boss"})
    assert answer.status_code == 400
    assert set(faults(answer)) == {"name"}


@pytest.mark.parametrize("taken", ["viewer", "VIEWER", "\uff56iewer"])
def test_a_roles_name_is_given_once(admin: Client, taken: str) -> None:
    assert admin.post(ROLES, json={"name": taken, "permissions": []}).status_code == 409


@pytest.mark.parametrize("wrong", ["", " lead", "a,b,", "a\tb", "a\nb", "trail\n"])
def test_a_roles_name_is_one_line(admin: Client, wrong: str) -> None:
    assert faults(admin.post(ROLES, json={"name": wrong, "permissions": []})).keys() == {"name"}


def test_a_permission_that_there_is_none_of_is_refused(admin: Client) -> None:
    answer = admin.post(ROLES, json={"name": name(), "permissions": ["deviation.fly"]})
    assert answer.status_code == 400
    assert "deviation.fly" in faults(answer)["permissions"]


def test_nobody_grants_what_he_does_not_hold(admin: Client, people: People) -> None:
    named = name()
    admin.post(ROLES, json={"name": named, "permissions": ["role.read", "role.manage"]})
    answer = people(named).post(ROLES, json={"name": name(), "permissions": ["user.manage"]})
    assert answer.status_code == 403


def test_roles_and_permissions_are_listed(people: People) -> None:
    viewer = people("viewer")
    listed = viewer.get(ROLES, params={"limit": 200}).json()
    assert listed["count"] == len(listed["results"]) >= 14
    assert "user.manage" in listed["results"][0]["permissions"]
    catalogue = viewer.get("/api/config/permissions/", params={"limit": 200}).json()
    assert {"deviation.read", "config.manage"} <= {one["name"] for one in catalogue["results"]}
    assert all(one["description"].endswith(".") for one in catalogue["results"])
    assert people("user").get(ROLES).status_code == 403


def test_there_is_no_role_that_there_is_none_of(admin: Client) -> None:
    for number in (15, 99, 2**40):
        assert admin.get(f"{ROLES}{number}/").status_code == 404
        assert admin.put(f"{ROLES}{number}/", json={"permissions": []}).status_code == 404


def test_what_is_no_permission_at_all_is_refused(admin: Client) -> None:
    answer = admin.post(ROLES, json={"name": name(), "permissions": [[], {}]})
    assert answer.status_code == 400
    assert "permissions" in faults(answer)


def test_a_chain_holds_for_what_is_submitted_after_its_change(admin: Client, people: People) -> None:
    before = Story(people).investigated()
    under_way = Story(people).submitted()
    changed = admin.put(SYSTEM, json={"approval_chain_minor": ["department", "qa"], "reason": "Two pairs of eyes."})
    assert changed.status_code == 200
    for story, leads_to in ((before, "PENDING_QA_REVIEW"), (under_way, "APPROVED")):
        if story is before:
            fired(people("qa_specialist"), story.id, "submit_investigation")
        signature = signed("department_head")
        after = fired(people("department_head"), story.id, "approve_department", signature=signature)
        assert after["status"] == leads_to
