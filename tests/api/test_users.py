"""Users: who may add and see them, and what is never shown."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.stories import faults
from tests.support.product import People, Product


def user(**changes: Any) -> dict[str, Any]:
    return {"username": f"u-{secrets.token_hex(6)}", "password": "a-good-password", **changes}


def test_a_user_is_shown_without_password(people: People) -> None:
    given = user(
        email="jo@example.com", first_name="Jo", last_name="Doe", department="Lab", roles=["qa_specialist", "viewer"]
    )
    made = people("administrator").post("/api/users/", json=given)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown == {
        **{name: value for name, value in given.items() if name != "password"},
        "id": shown["id"],
        "display_name": "Jo Doe",
        "is_active": True,
        "date_joined": shown["date_joined"],
        "profile": {"job_title": "", "phone": "", "skills": []},
    }
    assert people("administrator").get(f"/api/users/{shown['id']}/").json() == shown


def test_users_are_added_by_the_administrator_alone(people: People) -> None:
    for role in ("quality_manager", "user", "viewer", "auditor"):
        assert people(role).post("/api/users/", json=user()).status_code == 403


def test_users_are_listed_to_who_may_read_them(people: People) -> None:
    assert people("quality_manager").get("/api/users/").status_code == 200
    assert people("auditor").get("/api/users/").status_code == 200
    assert people("viewer").get("/api/users/").status_code == 403


def test_one_sees_oneself_and_nobody_else(people: People) -> None:
    me, other = people.id("user"), people.id("viewer")
    assert people("user").get(f"/api/users/{me}/").json()["id"] == me
    assert people("user").get(f"/api/users/{other}/").status_code == 404


@pytest.mark.parametrize("again", ["Straße Müller", "STRASSE MÜLLER", "Stra\u00dfe Mu\u0308ller", "\uff33traße Müller"])
@pytest.mark.clause("11.100", negative=True)
def test_a_name_is_given_once_however_it_is_written(people: People, again: str) -> None:
    admin = people("administrator")
    admin.post("/api/users/", json=user(username="Straße Müller"))
    answer = admin.post("/api/users/", json=user(username=again))
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "CONFLICT"


@pytest.mark.clause("11.100")
def test_of_two_that_take_a_name_at_once_one_gets_it(people: People) -> None:
    admin, given = people("administrator"), user()
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: admin.post("/api/users/", json=given).status_code, range(4)))
    assert sorted(codes) == [201, 409, 409, 409]


@pytest.mark.parametrize("name", ["", " ", " lead", "trail ", "trail\n", "new\nline", "a\tb", "a\u2029b", "x" * 151, 5])
def test_names_that_can_be_none_are_refused(people: People, name: Any) -> None:
    assert faults(people("administrator").post("/api/users/", json=user(username=name))).keys() == {"username"}


def test_weak_passwords_are_refused(people: People) -> None:
    admin = people("administrator")
    assert faults(admin.post("/api/users/", json=user(password="seven77")))["password"] == "At least 8 characters."
    same = user(username="jane.doe.the.first", password="Jane.Doe.The.First")
    assert "user name" in faults(admin.post("/api/users/", json=same))["password"]
    assert faults(admin.post("/api/users/", json=user(password="x" * 1025))).keys() == {"password"}


def test_every_fault_of_a_user_is_told_at_once(people: People) -> None:
    bad = {"password": "x", "email": "no mail", "roles": ["boss"], "is_active": "yes", "is_staff": True}
    found = faults(people("administrator").post("/api/users/", json=bad))
    assert found.keys() == {*bad, "username"}
    assert "quality_manager" in found["roles"]


def test_a_user_that_is_made_inactive_can_not_sign_in(people: People, product: Product) -> None:
    given = user(is_active=False)
    made = people("administrator").post("/api/users/", json=given)
    assert made.json()["is_active"] is False
    sign_in = {name: given[name] for name in ("username", "password")}
    assert product.anonymous().post("/api/auth/token/", json=sign_in).status_code == 401
    number = made.json()["id"]
    listed = {active: ids(people, active) for active in ("true", "false")}
    assert number in listed["false"]
    assert number not in listed["true"]
    assert people("administrator").get(f"/api/users/{number}/").json() == made.json()


def ids(people: People, active: str) -> set[int]:
    path: str | None = f"/api/users/?limit=200&is_active={active}"
    found: set[int] = set()
    while path:
        page = people("administrator").get(path).json()
        found |= {it["id"] for it in page["results"]}
        path = page["next"]
    return found


def test_no_answer_shows_a_password_or_hash(people: People) -> None:
    given = user(password="never-to-be-seen-again")
    answers = [people("administrator").post("/api/users/", json=given)]
    answers.append(people("administrator").get(f"/api/users/{answers[0].json()['id']}/"))
    answers.append(people("administrator").get("/api/users/?limit=200"))
    answers.append(people("administrator").post("/api/users/", json=given))
    for answer in answers:
        assert "never-to-be-seen-again" not in answer.text
        assert "argon2" not in answer.text
