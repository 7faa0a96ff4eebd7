"""Passwords that are too old, and those that were there before."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.api.accounts import GOOD, PASSWORD, REFRESH, TOKEN, Account, account, ask
from tests.api.codes import App
from tests.api.stories import Story, faults, fire, message
from tests.support.product import Client, People, Product, until

SYSTEM = "/api/config/system/"
_WAITS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
NEW, NEWER = "another-good-one", "yet-another-good-one"


@pytest.fixture
def own(people: People, product: Product) -> Account:
    return account(people, product, roles=["department_head"])


@pytest.fixture
def ageing(people: People) -> Iterator[Client]:
    """The administrator, while passwords grow old in 30 days and the last three are remembered."""
    admin = people("administrator")
    before = {name: admin.get(SYSTEM).json()[name] for name in ("password_max_age_days", "password_history")}
    given = {"password_max_age_days": 30, "password_history": 3, "reason": "Site rules."}
    assert admin.put(SYSTEM, json=given).status_code == 200
    yield admin
    admin.put(SYSTEM, json=before)


def whys(it: Account, topic: str) -> list[str]:
    """Return why a user was refused, from the first time on."""
    asked = "SELECT state FROM ledger.events WHERE topic = %s ORDER BY position"
    with psycopg.connect(it.product.env["DATABASE_ADMIN_URL"]) as connection:
        facts = [json.loads(bytes(state)) for (state,) in connection.execute(asked, (f"access.{topic}",))]
    return [fact["why"] for fact in facts if it.id in (fact.get("user"), fact.get("actor"))]


def aged(it: Account, days: int) -> None:
    """Have a password been set so many days ago."""
    with psycopg.connect(it.product.env["DATABASE_ADMIN_URL"]) as connection:
        ago = "UPDATE ops.credentials SET changed_at = now() - make_interval(days => %s) WHERE user_id = %s"
        connection.execute(ago, (days, it.id))


@pytest.mark.clause("11.300")
def test_who_comes_with_an_old_password_sets_a_new_one_and_is_in(own: Account, ageing: Client, people: People) -> None:
    aged(own, 31)
    refused = own.try_password()
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "PASSWORD_EXPIRED")
    assert whys(own, "sign_in_failed") == ["expired"]
    given = {"username": own.name, "password": own.password}
    for bad in ("short", own.name, GOOD):
        assert faults(ask(own.product, TOKEN, **given, new_password=bad)).keys() == {"new_password"}
    answer = ask(own.product, TOKEN, **given, new_password=NEW)
    assert answer.status_code == 200, answer.text
    assert (own.try_password(NEW).status_code, own.try_password(GOOD).status_code) == (200, 401)
    fact = own.history(people("auditor"))[-1]
    assert (fact["event"], fact["actor"]["id"]) == ("user.password_changed", own.id)


def test_who_does_not_know_the_old_password_learns_nothing_of_its_age(own: Account, ageing: Client) -> None:
    aged(own, 31)
    answer = ask(own.product, TOKEN, username=own.name, password="wrong-password", new_password=NEW)
    assert (answer.status_code, message(answer)) == (401, "No active user has this name and password.")


def test_a_password_that_is_not_old_is_not_replaced_at_sign_in(own: Account, ageing: Client) -> None:
    aged(own, 29)
    answer = ask(own.product, TOKEN, username=own.name, password=own.password, new_password=NEW)
    assert faults(answer).keys() == {"new_password"}
    assert own.try_password().status_code == 200


def test_passwords_do_not_grow_old_unless_that_is_set(own: Account) -> None:
    aged(own, 36_000)
    assert own.try_password().status_code == 200


@pytest.mark.clause("11.300", negative=True)
def test_with_an_old_password_nothing_is_refreshed_or_signed_but_the_password_changed(
    own: Account, ageing: Client, people: People
) -> None:
    story, it = Story(people).submitted(), own.signed_in()
    aged(own, 31)
    assert ask(own.product, REFRESH, refresh=it.refresh, rotate=True).status_code == 401
    assert whys(own, "sign_in_failed") == ["expired"]
    signature = {"password": own.password, "meaning": "Agreed."}
    refused = fire(it, story.id, "approve_department", signature=signature)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "PASSWORD_EXPIRED")
    assert whys(own, "signature_refused") == ["expired"]
    assert it.post(PASSWORD, json={"current_password": GOOD, "new_password": NEW}).status_code == 200
    assert it.goes_on()  # What was refused had rotated nothing.
    signed = fire(it, story.id, "approve_department", signature={**signature, "password": NEW})
    assert signed.status_code == 200, signed.text


@pytest.mark.clause("11.300", negative=True)
def test_the_last_passwords_are_not_taken_again(own: Account, ageing: Client) -> None:
    it = own.signed_in()
    assert it.post(PASSWORD, json={"current_password": GOOD, "new_password": NEW}).status_code == 200
    assert it.post(PASSWORD, json={"current_password": NEW, "new_password": NEWER}).status_code == 200
    says = "The new password must be another one than the last 3."
    for old in (GOOD, NEW, NEWER):
        refused = it.post(PASSWORD, json={"current_password": NEWER, "new_password": old})
        assert faults(refused) == {"new_password": says}
    assert it.post(PASSWORD, json={"current_password": NEWER, "new_password": "the-fourth-good-one"}).status_code == 200
    assert it.post(PASSWORD, json={"current_password": "the-fourth-good-one", "new_password": GOOD}).status_code == 200


@pytest.mark.parametrize("new", [None, NEW])
def test_a_sign_in_that_a_change_of_the_password_overtakes_is_recorded(
    own: Account, ageing: Client, new: str | None
) -> None:
    """Whether it begins a session, or sets a new password first."""
    waits = "SELECT FROM ops.credentials WHERE user_id = %s FOR NO KEY UPDATE"
    if new is not None:
        aged(own, 31)
        waits = "SELECT FROM ledger.head WHERE %s > 0 FOR UPDATE"
    given = {"username": own.name, "password": own.password, **({} if new is None else {"new_password": new})}
    with psycopg.connect(own.product.env["DATABASE_ADMIN_URL"]) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(waits, (own.id,))
        asked = pool.submit(ask, own.product, TOKEN, **given)
        with psycopg.connect(own.product.env["DATABASE_ADMIN_URL"], autocommit=True) as other:
            until(lambda: other.execute(_WAITS).fetchone())
        holder.execute("UPDATE ops.credentials SET password_hash = 'another' WHERE user_id = %s", (own.id,))
        holder.commit()
        assert asked.result().status_code == 401
    assert whys(own, "sign_in_failed") == ["changed"]


@pytest.mark.clause("11.300", negative=True)
def test_who_sets_anothers_password_is_not_told_which_were_his(own: Account, ageing: Client) -> None:
    """Neither beside a fault, with which nothing is set, nor else."""
    for guess in (GOOD, "no-password-of-his"):
        assert faults(ageing.put(own.path, json={"password": guess, "nonsense": 1})).keys() == {"nonsense"}
        assert ageing.put(own.path, json={"password": guess}).status_code == 200


@pytest.mark.clause("11.300", negative=True)
def test_who_is_signed_in_learns_no_password_without_the_current_one(own: Account, ageing: Client) -> None:
    it = own.signed_in()
    for given in ({}, {"current_password": None}, {"current_password": ""}, {"current_password": GOOD, "x": 1}):
        told = {json.dumps(faults(it.post(PASSWORD, json={**given, "new_password": guess}))) for guess in (GOOD, NEW)}
        assert len(told) == 1, given
        assert "new_password" not in told.pop()


@pytest.mark.clause("Draft 2025, multi-factor")
def test_no_code_is_spent_until_all_that_an_old_password_takes_is_there(own: Account, ageing: Client) -> None:
    app = App(own, own.signed_in())
    aged(own, 31)
    code = app.fresh()
    refused = app.sign_in(code)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "PASSWORD_EXPIRED")
    assert faults(app.sign_in(code, new_password="short")).keys() == {"new_password"}
    assert app.sign_in(app.wrong(), new_password=NEW).status_code == 401
    assert app.sign_in(code, new_password=NEW).status_code == 200
    assert app.sign_in(code, password=NEW).status_code == 401


def test_no_code_is_spent_with_a_new_password_that_was_not_asked_for(own: Account, ageing: Client) -> None:
    app = App(own, own.signed_in())
    code = app.fresh()
    assert faults(app.sign_in(code, new_password=NEW)).keys() == {"new_password"}
    assert app.sign_in(code).status_code == 200


@pytest.mark.clause("Draft 2025, multi-factor", negative=True)
def test_a_code_that_was_taken_does_not_even_tell_that_the_password_is_old(own: Account, ageing: Client) -> None:
    app = App(own, own.signed_in())
    code = app.fresh()
    assert app.sign_in(code).status_code == 200
    aged(own, 31)
    assert app.sign_in(code).status_code == 401
