"""Users: changed, deactivated, made active again; what everybody changes of himself."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.accounts import GOOD, REFRESH, Account, SignedIn, account, ask, role
from tests.api.stories import body, faults, report
from tests.support.product import Client, People, Product, until

ME = "/api/users/me/"
PROFILE = {"job_title": "Chemist", "phone": "+256 760", "skills": ["HPLC", "root causes"]}


@pytest.fixture
def own(people: People, product: Product) -> Account:
    return account(people, product, first_name="Jo", last_name="Doe", email="jo@example.com", department="Lab")


@pytest.fixture
def admin(people: People) -> Client:
    return people("administrator")


def ids(client: Client, **params: Any) -> list[int]:
    answer = client.get("/api/users/", params={"limit": 200, **params})
    assert answer.status_code == 200, answer.text
    return [it["id"] for it in answer.json()["results"]]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_fields_that_are_given_change_and_others_stay(own: Account, admin: Client, method: str) -> None:
    changes = {"first_name": "Ann", "department": "Plant", "roles": ["viewer", "user", "viewer"]}
    changed = admin.request(method, own.path, json=changes).json()
    assert changed == {
        **own.record,
        "first_name": "Ann",
        "display_name": "Ann Doe",
        "department": "Plant",
        "roles": ["viewer", "user"],
    }
    assert admin.get(own.path).json() == changed


def test_a_user_that_was_read_can_be_put_back(own: Account, admin: Client) -> None:
    before = admin.get(own.path)
    after = admin.put(own.path, json=before.json())
    assert (after.status_code, after.headers["ETag"]) == (200, before.headers["ETag"])
    assert len(own.history(admin)) == 1


def test_a_profile_is_changed_part_by_part(own: Account, admin: Client) -> None:
    assert admin.patch(own.path, json={"profile": PROFILE}).json()["profile"] == PROFILE
    changed = admin.patch(own.path, json={"profile": {"phone": ""}})
    assert changed.json()["profile"] == {**PROFILE, "phone": ""}
    assert admin.get(own.path).json()["profile"] == {**PROFILE, "phone": ""}
    assert admin.patch(own.path, json={"profile": {"phone": ""}}).headers["ETag"] == changed.headers["ETag"]


def test_a_user_name_is_for_ever(own: Account, admin: Client) -> None:
    answer = admin.put(own.path, json={"username": f"{own.name}-2", "first_name": "Ann"})
    assert "for ever" in faults(answer)["username"]
    assert admin.put(own.path, json={"username": own.name, "first_name": "Ann"}).status_code == 200


def test_every_fault_of_a_change_is_told_at_once(own: Account, admin: Client) -> None:
    bad = {
        "id": 0,
        "username": "other",
        "password": "x",
        "email": "no mail",
        "roles": ["boss", 5],
        "is_active": "no",
        "date_joined": "2020-01-01T00:00:00Z",
        "is_staff": True,
        "profile": {"skills": ["trail\n"], "phone": "1\t2", "age": 5},
    }
    found = faults(admin.put(own.path, json=bad))
    assert found.keys() == {*bad, "profile.age", "profile.phone", "profile.skills"} - {"profile"}


def test_a_new_name_shows_wherever_the_user_is_named(people: People, product: Product, admin: Client) -> None:
    reporter = account(people, product, first_name="Jo", roles=["user"])
    record = report(reporter.signed_in(), department="Renamed")
    admin.put(reporter.path, json={"first_name": "Josephine"})
    shown = people("viewer").get(f"/api/deviations/{record['id']}/").json()
    assert shown["initiated_by"]["first_name"] == "Josephine"


def test_another_change_meanwhile_is_noticed(own: Account, admin: Client) -> None:
    tag = admin.get(own.path).headers["ETag"]
    assert admin.get(own.path, headers={"If-None-Match": tag}).status_code == 304
    assert admin.put(own.path, json={"department": "A"}, headers={"If-Match": tag}).status_code == 200
    assert admin.put(own.path, json={"department": "B"}, headers={"If-Match": tag}).status_code == 412
    assert admin.delete(own.path, headers={"If-Match": tag}).status_code == 412


def test_history_tells_what_changed_to_who_may_see_it(own: Account, people: People, admin: Client) -> None:
    admin.put(own.path, json={"first_name": "Ann", "email": "", "profile": {"phone": "1"}, "reason": "married"})
    for client in (admin, people("auditor")):
        made, changed = own.history(client)
        assert {it["field"]: it["after"] for it in made["changes"]} == {
            "username": own.name,
            "first_name": "Jo",
            "last_name": "Doe",
            "email": "jo@example.com",
            "department": "Lab",
            "date_joined": made["changes"][-1]["after"],
        }
        assert (changed["event"], changed["reason"]) == ("user.updated", "married")
        assert sorted((it["field"], it["before"], it["after"]) for it in changed["changes"]) == [
            ("email", "jo@example.com", ""),
            ("first_name", "Jo", "Ann"),
            ("profile.phone", None, "1"),
        ]
    for reader, status in (("quality_manager", 403), ("viewer", 404)):
        assert people(reader).get(f"{own.path}history/").status_code == status


@pytest.mark.clause("11.10(d)", negative=True)
def test_a_deactivated_user_is_out_at_once_and_stays_readable(own: Account, people: People, admin: Client) -> None:
    it = own.signed_in()
    answer = admin.delete(own.path, params={"reason": "left us"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert it.is_over()
    assert own.try_password().status_code == 401
    assert admin.get(own.path).json() == {**own.record, "is_active": False}
    assert own.id not in ids(admin, username=own.name)
    assert own.id in ids(admin, username=own.name, is_active="false")
    fact = own.history(people("auditor"))[-1]
    assert (fact["event"], fact["reason"], fact["to"]) == ("user.deactivated", "left us", "inactive")
    assert admin.delete(own.path).status_code == 204
    assert len(own.history(people("auditor"))) == 2


@pytest.mark.clause("11.100", negative=True)
def test_the_name_of_a_deactivated_user_is_not_given_again(own: Account, admin: Client) -> None:
    admin.delete(own.path)
    assert admin.post("/api/users/", json={"username": own.name.upper(), "password": GOOD}).status_code == 409


def test_who_is_made_active_again_signs_in_anew(own: Account, admin: Client) -> None:
    it = own.signed_in()
    admin.put(own.path, json={"is_active": False})
    assert it.is_over()
    assert admin.put(own.path, json={"is_active": True}).json()["is_active"] is True
    assert it.is_over()
    assert own.signed_in().is_in()
    assert own.topics(admin) == ["user.created", "user.deactivated", "user.activated"]


def test_who_was_made_inactive_is_made_active(people: People, product: Product, admin: Client) -> None:
    it = account(people, product, is_active=False)
    assert it.try_password().status_code == 401
    admin.put(it.path, json={"is_active": True})
    assert it.signed_in().is_in()


def test_what_a_dead_user_was_answered_is_not_told_again(people: People, product: Product, admin: Client) -> None:
    reporter = account(people, product, roles=["user"])
    it = reporter.signed_in()
    given = {"json": body(department="Dead"), "headers": {"Idempotency-Key": secrets.token_hex(4)}}
    assert it.post("/api/deviations/", **given).status_code == 201
    admin.delete(reporter.path)
    assert it.post("/api/deviations/", **given).status_code == 401


def test_lists_are_narrowed(people: People, product: Product, admin: Client) -> None:
    department = f"D-{secrets.token_hex(4)}"
    one = account(people, product, department=department, roles=["viewer", "user"])
    two = account(people, product, department=department, roles=["user"])
    assert ids(admin, department=department) == [one.id, two.id]
    assert ids(admin, department=department, role="viewer") == [one.id]
    assert ids(admin, username=two.name.upper()) == [two.id]
    assert ids(admin, username=two.name, role="viewer") == []
    assert ids(admin, department=department.lower()) == []
    assert ids(admin, role="nothing-like-it") == []
    page = admin.get("/api/users/", params={"department": department, "limit": 1}).json()
    assert (page["count"], page["next"] is None) == (2, False)
    assert faults(admin.get("/api/users/", params={"departement": "x"})).keys() == {"departement"}


def test_one_reads_and_changes_ones_own_record(own: Account, admin: Client) -> None:
    it = own.signed_in()
    shown = it.get(ME)
    assert shown.json() == {**own.record, "second_factor": False}
    assert it.get(ME, headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304
    changes = {"last_name": "Roe", "email": "", "profile": PROFILE}
    changed = it.put(ME, json={**shown.json(), **changes}, headers={"If-Match": shown.headers["ETag"]})
    after = {**own.record, **changes, "display_name": "Jo Roe"}
    assert admin.get(own.path).json() == after
    assert it.get(ME).json() == changed.json() == {**after, "second_factor": False}
    fact = own.history(admin)[-1]
    assert (fact["event"], fact["actor"]["id"]) == ("user.updated", own.id)
    assert it.patch(ME, json={"last_name": "Poe"}, headers={"If-Match": shown.headers["ETag"]}).status_code == 412


@pytest.mark.parametrize("who", ["user", "administrator"])
def test_nobody_changes_more_than_that_of_himself_there(people: People, product: Product, who: str) -> None:
    it = account(people, product, roles=[who]).signed_in()
    more = {"roles": ["management"], "department": "X", "is_active": False, "username": "x", "password": "long-enough"}
    assert faults(it.put(ME, json=more)).keys() == more.keys()
    assert it.get(ME).json()["roles"] == [who]


def test_who_does_not_manage_users_changes_none_not_even_himself(own: Account, people: People) -> None:
    assert own.signed_in().put(own.path, json={"first_name": "Ann"}).status_code == 403
    assert people("quality_manager").put(own.path, json={"first_name": "Ann"}).status_code == 403
    assert people("viewer").put(own.path, json={"first_name": "Ann"}).status_code == 404
    assert people("administrator").put(f"/api/users/{2**40}/", json={"bogus": 1}).status_code == 404


@pytest.mark.clause("11.10(g)", negative=True)
def test_nobody_grants_what_he_may_not_do(people: People, product: Product) -> None:
    manager = account(people, product, roles=[role(people, "user.read", "user.manage", "deviation.read", "capa.read")])
    it = manager.signed_in()
    held = role(people, "deviation.read")
    target = account(people, product, roles=["management"])
    for roles, status in (
        (["management", held], 200),  # What he has already is not granted.
        (["user"], 403),
        (["administrator"], 403),
        (["administrator", "no such role"], 403),
        (["no such role"], 400),
        ([held], 200),
        (["management"], 403),
    ):
        assert it.put(target.path, json={"roles": roles}).status_code == status, roles
    for roles, status in ((["user"], 403), (["administrator"], 403), ([held], 201)):
        given = {"username": f"u-{secrets.token_hex(6)}", "password": GOOD, "roles": roles}
        assert it.post("/api/users/", json=given).status_code == status, roles
    assert it.put(manager.path, json={"roles": [*manager.record["roles"], "user"]}).status_code == 403


@pytest.mark.clause("11.10(d)", negative=True)
def test_a_role_that_is_taken_away_permits_nothing_at_once(people: People, product: Product, admin: Client) -> None:
    it = account(people, product, roles=["auditor"])
    client = it.signed_in()
    assert client.get("/api/users/").status_code == 200
    admin.put(it.path, json={"roles": []})
    assert client.get("/api/users/").status_code == 403


@pytest.mark.parametrize("how", ["deactivated", "given another password"])
def test_nothing_that_is_on_the_way_outlives_its_user(
    own: Account, product: Product, admin: Client, other: str, how: str
) -> None:
    it = own.signed_in()

    def at_it(turn: int) -> httpx.Response:
        base = other if turn % 2 else ""
        if turn % 4 > 1:
            return own.try_password(base=base)
        if turn == 8:
            given = {"is_active": False} if how == "deactivated" else {"password": "another-good-one"}
            return admin.put(own.path, json=given)
        return ask(product, REFRESH, base, refresh=it.refresh)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(at_it, range(20)))
    assert answers.pop(8).status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 401}
    got = [SignedIn(product, {"refresh": it.refresh, **answer.json()}) for answer in answers if answer.is_success]
    for one in got:
        assert not one.goes_on()
        for base in ("", other):
            until(lambda one=one, base=base: one.get(f"{base}{ME}").status_code == 401)


def test_who_manages_users_changes_his_own_names_and_not_how_far_his_word_goes(
    people: People, product: Product
) -> None:
    named = role(people, "user.read", "user.manage", "deviation.approve_department")
    manager = account(people, product, roles=[named], department="Lab")
    it = manager.signed_in()
    for changes in ({"department": ""}, {"roles": []}, {"department": "Plant", "first_name": "Ann"}):
        refused = it.put(manager.path, json=changes)
        assert (refused.status_code, "of himself" in refused.json()["error"]["message"]) == (403, True)
    kept = {"department": "Lab", "roles": [named], "first_name": "Ann"}
    assert it.put(manager.path, json=kept).json()["first_name"] == "Ann"
    boss = account(people, product, roles=["administrator"])
    assert boss.signed_in().put(boss.path, json={"department": "Plant"}).status_code == 200
