"""Passwords: their rules, and who changes whose."""

from collections.abc import Iterator

import pytest

from tests.api.accounts import GOOD, PASSWORD, Account, account, role
from tests.api.stories import faults
from tests.support.product import Client, People, Product, until

SYSTEM = "/api/config/system/"
NEW = "another-good-one"


@pytest.fixture
def own(people: People, product: Product) -> Account:
    return account(people, product)


@pytest.fixture
def strict(people: People) -> Iterator[Client]:
    """The administrator, while passwords must hold everything."""
    admin = people("administrator")
    before = admin.get(SYSTEM).json()
    rules = {f"password_require_{kind}": True for kind in ("uppercase", "lowercase", "digit", "symbol")}
    assert admin.put(SYSTEM, json={**rules, "password_min_length": 12}).status_code == 200
    yield admin
    admin.put(SYSTEM, json=before)


def test_ones_own_password_is_changed_with_the_current_one(own: Account, people: People) -> None:
    it, another = own.signed_in(), own.signed_in()
    answer = it.post(PASSWORD, json={"current_password": GOOD, "new_password": NEW})
    assert (answer.status_code, answer.json()["status"], answer.json()["data"]) == (200, "success", {})
    assert own.try_password(GOOD).status_code == 401
    assert own.try_password(NEW).status_code == 200
    assert another.is_over()
    assert it.is_in()
    assert it.goes_on()
    fact = own.history(people("auditor"))[-1]
    assert (fact["event"], fact["actor"]["id"], fact["changes"]) == ("user.password_changed", own.id, [])


def test_a_wrong_current_password_comes_before_any_fault(own: Account) -> None:
    answer = own.signed_in().post(PASSWORD, json={"current_password": "wrong-password", "new_password": "x", "y": 1})
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "The current password is not right."


def test_faults_of_a_change_are_told_at_once(own: Account) -> None:
    it = own.signed_in()
    assert faults(it.post(PASSWORD, json={"new_password": "short", "y": 1})).keys() == {
        "current_password",
        "new_password",
        "y",
    }
    assert faults(it.post(PASSWORD, json={"current_password": 5, "new_password": NEW})).keys() == {"current_password"}


def test_the_new_password_is_another_one(own: Account) -> None:
    answer = own.signed_in().post(PASSWORD, json={"current_password": GOOD, "new_password": GOOD})
    assert faults(answer) == {"new_password": "The new password must be another one."}


def test_every_rule_that_a_password_breaks_is_told(own: Account, strict: Client) -> None:
    answer = own.signed_in().post(PASSWORD, json={"current_password": GOOD, "new_password": own.name[:4]})
    says = [it["message"] for it in answer.json()["error"]["details"] if it["field"] == "new_password"]
    assert says == [
        "At least 12 characters.",
        "It must hold an upper-case letter.",
        "It must hold a digit.",
        "It must hold a symbol.",
    ]
    given = {"username": f"{own.name}-2", "password": "abcd"}
    refused = strict.post("/api/users/", json=given).json()["error"]["details"]
    assert len([it for it in refused if it["field"] == "password"]) == 4
    refused = strict.put(own.path, json={"password": "abcd"}).json()["error"]["details"]
    assert len([it for it in refused if it["field"] == "password"]) == 4
    assert strict.post("/api/users/", json={**given, "password": "Abcdefgh-123"}).status_code == 201


def test_the_user_name_is_no_password_however_it_is_written(people: People, own: Account) -> None:
    answer = own.signed_in().post(PASSWORD, json={"current_password": GOOD, "new_password": own.name.upper()})
    assert faults(answer) == {"new_password": "The password may not be the user name."}
    refused = people("administrator").put(own.path, json={"password": own.name.upper()})
    assert faults(refused) == {"password": "The password may not be the user name."}


def test_an_administrator_sets_anothers_password_and_ends_his_sessions(own: Account, people: People) -> None:
    it = own.signed_in()
    own.fail(5)
    answer = people("administrator").put(own.path, json={"password": NEW, "reason": "forgotten"})
    assert (answer.status_code, NEW in answer.text) == (200, False)
    assert it.is_over()
    assert own.try_password(NEW).status_code == 200  # The lock is gone with the password that it was for.
    until(lambda: own.topics(people("auditor"))[-1] == "user.password_changed")
    assert own.history(people("auditor"))[-1]["reason"] == "forgotten"


def test_a_password_goes_with_other_changes_in_one_append(own: Account, people: People) -> None:
    answer = people("administrator").patch(own.path, json={"password": NEW, "department": "Lab", "is_active": False})
    assert answer.status_code == 200
    facts = own.history(people("auditor"))[1:]
    assert [fact["event"] for fact in facts] == ["user.updated", "user.deactivated", "user.password_changed"]
    assert len({fact["at"] for fact in facts}) == 1
    assert own.try_password(NEW).status_code == 401


def test_nobody_sets_his_own_password_without_the_current_one(people: People, product: Product) -> None:
    boss = account(people, product, roles=["administrator"])
    answer = boss.signed_in().put(boss.path, json={"password": NEW})
    assert answer.status_code == 403
    assert PASSWORD in answer.json()["error"]["message"]


def test_nobody_sets_the_password_of_who_may_more(people: People, product: Product) -> None:
    """He could sign in as him."""
    manager = account(people, product, roles=[role(people, "user.read", "user.manage", "deviation.read", "capa.read")])
    it = manager.signed_in()
    for roles, status in ((["user"], 403), (["management"], 403), (["administrator"], 403), ([], 200)):
        target = account(people, product, roles=roles)
        assert it.put(target.path, json={"password": NEW}).status_code == status, roles
