"""Wrong passwords lock, wherever they are given: nobody passes more tries than are allowed, and nobody learns more."""

import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.accounts import PASSWORD, TOKEN, Account, account, ask, role
from tests.api.stories import Story, fire, message
from tests.support.product import Client, People, Process, Product, until

SYSTEM = "/api/config/system/"


@pytest.fixture
def own(people: People, product: Product) -> Account:
    return account(people, product)


def change(product: Product, statement: Any, *values: Any) -> Any:
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"]) as connection:
        found = connection.execute(statement, values)
        return found.fetchall() if found.description else None


def locks(it: Account, admin: Client) -> list[dict[str, Any]]:
    return [entry for entry in it.history(admin) if entry["event"] == "user.locked"]


def at_once(ask_one: Callable[[int], httpx.Response], times: int) -> list[int]:
    with ThreadPoolExecutor(times) as pool:
        return [answer.status_code for answer in pool.map(ask_one, range(times))]


@pytest.mark.clause("11.300", negative=True)
def test_after_five_wrong_passwords_the_right_one_is_refused_and_the_lock_is_a_fact(
    own: Account, people: People
) -> None:
    own.fail(4)
    assert own.try_password().status_code == 200  # Which makes up for those before it.
    own.fail(5)
    assert own.try_password().status_code == 401
    until(lambda: locks(own, people("auditor")))
    own.fail(3)
    (fact,) = locks(own, people("auditor"))
    assert (fact["actor"], fact["source"]["address"], fact["from"], fact["to"]) == (
        None,
        "127.0.0.1",
        "active",
        "active",
    )
    assert [it["field"] for it in fact["changes"]] == ["locked_until"]


@pytest.mark.clause("11.200", negative=True)
def test_who_is_signed_in_stays_so_and_signs_nothing(people: People, product: Product) -> None:
    story = Story(people).submitted()
    head = account(people, product, roles=["department_head"])
    it = head.signed_in()
    head.fail(5)
    assert it.is_in()
    assert it.goes_on()
    signature = {"password": head.password, "meaning": "Agreed."}
    refused = fire(it, story.id, "approve_department", signature=signature)
    assert (refused.status_code, "Too many" in message(refused)) == (403, True)
    people("administrator").post(f"{head.path}unlock/")
    assert fire(it, story.id, "approve_department", signature=signature).status_code == 200


def test_a_wrong_password_in_a_signature_counts_as_one_at_sign_in(people: People, product: Product) -> None:
    story = Story(people).submitted()
    head = account(people, product, roles=["department_head"])
    it = head.signed_in()
    signature = {"password": "wrong-password", "meaning": "Agreed."}
    head.fail(2)
    for _ in range(3):
        refused = fire(it, story.id, "approve_department", signature=signature)
        assert (refused.status_code, "Too many" in message(refused)) == (403, False)
    assert head.try_password().status_code == 401
    until(lambda: locks(head, people("auditor")))


def test_a_signature_after_five_wrong_ones_is_told_why_though_the_lock_is_still_being_recorded(
    people: People, product: Product
) -> None:
    story = Story(people).submitted()
    head = account(people, product, roles=["department_head"])
    it = head.signed_in()
    head.fail(5)
    until(lambda: locks(head, people("auditor")))
    change(product, "UPDATE ops.password_tries SET locked_until = NULL WHERE user_id = %s", head.id)
    refused = fire(it, story.id, "approve_department", signature={"password": head.password, "meaning": "Agreed."})
    assert (refused.status_code, "Too many" in message(refused)) == (403, True)


def test_a_wrong_current_password_counts_too(own: Account, people: People) -> None:
    it = own.signed_in()
    for _ in range(5):
        body = {"current_password": "wrong-password", "new_password": "another-good-one"}
        assert it.post(PASSWORD, json=body).status_code == 403
    body = {"current_password": own.password, "new_password": "another-good-one"}
    assert it.post(PASSWORD, json=body).status_code == 403
    until(lambda: locks(own, people("auditor")))
    assert it.is_in()


def test_tries_of_all_processes_count_together(own: Account, people: People, other: str) -> None:
    """So a process that is started anew knows of those before it, too."""
    for base in ("", other, "", other, ""):
        assert own.try_password("wrong-password", base).status_code == 401
    assert own.try_password(base=other).status_code == 401
    until(lambda: locks(own, people("auditor")))


@pytest.mark.clause("11.300", negative=True)
def test_any_number_at_once_is_no_more_than_five(own: Account, people: People, product: Product, other: str) -> None:
    codes = at_once(lambda n: own.try_password(f"wrong-password-{n}", other if n % 2 else ""), 16)
    assert set(codes) == {401}
    assert change(product, "SELECT failed FROM ops.password_tries WHERE user_id = %s", own.id) == [(5,)]
    assert own.try_password().status_code == 401
    until(lambda: locks(own, people("auditor")))
    assert len(locks(own, people("auditor"))) == 1


def test_any_number_of_right_ones_at_once_is_let_in(own: Account, other: str) -> None:
    own.fail(4)
    assert set(at_once(lambda n: own.try_password(base=other if n % 2 else ""), 8)) == {200}


def test_a_name_that_nobody_has_leaves_no_trace_but_that_somebody_tried(people: People, product: Product) -> None:
    people("user").get("/api/users/me/")
    counted = "SELECT (SELECT count(*) FROM ops.password_tries), (SELECT count(*) FROM ops.credentials)"
    before = change(product, counted)
    tried = "SELECT state FROM ledger.events WHERE topic = 'access.sign_in_failed' ORDER BY position DESC LIMIT 7"
    for _ in range(7):
        assert ask(product, TOKEN, username="nobody-has-this", password="wrong-password").status_code == 401
    assert change(product, counted) == before
    facts = [json.loads(bytes(state)) for (state,) in change(product, tried)]
    assert len({(fact["name"], fact["why"]) for fact in facts}) == 1
    assert (facts[0]["why"], "user" in facts[0], "nobody-has-this" in str(facts)) == ("unknown", False, False)


def test_an_administrator_unlocks_before_the_time(own: Account, people: People) -> None:
    admin = people("administrator")
    own.fail(5)
    until(lambda: locks(own, admin))
    answer = admin.post(f"{own.path}unlock/", json={"reason": "She called."})
    assert (answer.status_code, answer.json()["id"]) == (200, own.id)
    assert own.try_password().status_code == 200
    fact = own.history(admin)[-1]
    assert (fact["event"], fact["reason"]) == ("user.unlocked", "She called.")
    assert admin.post(f"{own.path}unlock/").status_code == 409


def test_a_lock_ends_with_its_time(own: Account, product: Product) -> None:
    own.fail(5)
    table = "SELECT locked_until IS NOT NULL FROM ops.password_tries WHERE user_id = %s"
    until(lambda: change(product, table, own.id) == [(True,)])
    change(product, "UPDATE ops.password_tries SET locked_until = now() WHERE user_id = %s", own.id)
    own.fail(4)
    assert own.try_password().status_code == 200


def test_wrong_passwords_long_ago_do_not_count(own: Account, product: Product) -> None:
    own.fail(4)
    long_ago = "UPDATE ops.password_tries SET tried_at = tried_at - interval '16 minutes' WHERE user_id = %s"
    change(product, long_ago, own.id)
    own.fail(4)
    assert own.try_password().status_code == 200


def test_a_try_that_a_process_took_along_when_it_died_is_made_up_for_in_time(own: Account, product: Product) -> None:
    own.fail(1)
    died = "UPDATE ops.password_tries SET pending = 9, tried_at = now() - interval '16 minutes' WHERE user_id = %s"
    change(product, died, own.id)
    assert own.try_password().status_code == 200


def test_how_many_and_how_long_is_configured(own: Account, people: People) -> None:
    admin = people("administrator")
    before = admin.get(SYSTEM).json()
    try:
        assert admin.put(SYSTEM, json={"lockout_attempts": 2, "lockout_minutes": 60}).status_code == 200
        own.fail(2)
        assert own.try_password().status_code == 401
        until(lambda: locks(own, admin))
        (fact,) = locks(own, admin)
        assert fact["changes"][0]["after"] > fact["at"][:14]
    finally:
        admin.put(SYSTEM, json=before)


def test_an_administrator_is_locked_too_and_freed_at_the_command_line(people: People, product: Product) -> None:
    boss = account(people, product, roles=["administrator"])
    it = boss.signed_in()
    boss.fail(5)
    assert boss.try_password().status_code == 401
    until(lambda: locks(boss, people("auditor")))
    process = Process("user", "reset-password", boss.name, "--json", data=product.data, env=product.env)
    assert process.popen.wait(60) == 0, process.tell()
    password = process.tell().rpartition('"password":')[2].split('"')[1]
    assert boss.try_password().status_code == 401
    assert boss.try_password(password).status_code == 200
    until(it.is_over)


def test_only_who_manages_users_unlocks_and_of_administrators_administrators_alone(
    own: Account, people: People, product: Product
) -> None:
    manager = account(people, product, roles=[role(people, "user.read", "user.manage")]).signed_in()
    assert manager.post(f"{own.path}unlock/").status_code == 409  # He may; there is nothing to unlock.
    boss = account(people, product, roles=["administrator"])
    assert manager.post(f"{boss.path}unlock/").status_code == 403
    assert people("quality_manager").post(f"{own.path}unlock/").status_code == 403
    assert people("viewer").post(f"{own.path}unlock/").status_code == 404
    assert people("administrator").post(f"/api/users/{2**40}/unlock/").status_code == 404


def test_a_locked_users_name_is_as_hard_to_guess_as_any(own: Account, product: Product) -> None:
    own.fail(6)
    for name in (own.name, f"nobody-{secrets.token_hex(4)}"):
        answer = ask(product, TOKEN, username=name, password=own.password)
        assert message(answer) == "No active user has this name and password."
