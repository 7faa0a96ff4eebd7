"""One-time codes beside the password: set up by their user, asked for at each sign-in and signature, taken once."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
import pyotp
import pytest

from tests.api.accounts import PASSWORD, REFRESH, Account, SignedIn, account, ask, role
from tests.api.codes import CONFIRM, TOTP, App, in_one_step, spent, step, wrong_code
from tests.api.stories import Story, faults, fire, message
from tests.support.product import People, Process, Product, until

WRONG = "No active user has this name and password."


@pytest.fixture
def own(people: People, product: Product) -> Account:
    return account(people, product)


@pytest.fixture
def session(own: Account) -> SignedIn:
    return own.signed_in()


@pytest.fixture
def app(own: Account, session: SignedIn) -> App:
    return App(own, session)


def recorded(product: Product, topic: str) -> list[dict[str, Any]]:
    """Return the facts of a topic, oldest first."""
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"]) as connection:
        rows = connection.execute("SELECT state FROM ledger.events WHERE topic = %s ORDER BY position", (topic,))
        return [json.loads(bytes(state)) for (state,) in rows]


def test_what_codes_are_made_from_is_told_once_in_letters_and_for_apps(app: App, own: Account) -> None:
    asked = urlsplit(app.uri)
    assert (asked.scheme, asked.netloc, unquote(asked.path)) == ("otpauth", "totp", f"/Flowledger:{own.name}")
    assert parse_qs(asked.query) == {"secret": [app.secret], "issuer": ["Flowledger"]}
    assert len(app.secret) == 32


def test_what_codes_are_made_from_is_kept_under_no_key(own: Account, session: SignedIn, product: Product) -> None:
    given = {"json": {"password": own.password}, "headers": {"Idempotency-Key": secrets.token_hex(4)}}
    first, again = (session.post(TOTP, **given) for _ in range(2))
    assert {first.status_code, again.status_code} == {200}
    assert first.json()["secret"] != again.json()["secret"]
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"]) as connection:
        kept = connection.execute("SELECT count(*) FROM ops.answers WHERE user_id = %s", (own.id,)).fetchone()
    assert kept == (0,)


@pytest.mark.clause("Draft 2025, multi-factor")
def test_a_code_is_asked_for_at_sign_in_once_one_was_shown(own: Account, session: SignedIn) -> None:
    assert session.get("/api/users/me/").json()["second_factor"] is False
    assert session.post(TOTP, json={"password": own.password}).status_code == 200
    assert own.try_password().status_code == 200  # Nothing was shown yet.
    app = App(own, session)
    assert session.get("/api/users/me/").json()["second_factor"] is True
    assert (own.try_password().status_code, message(own.try_password())) == (401, WRONG)
    assert app.sign_in(app.fresh()).status_code == 200


def test_setting_up_takes_the_password(own: Account, session: SignedIn) -> None:
    refused = session.post(TOTP, json={"password": "wrong-password"})
    assert (refused.status_code, message(refused)) == (403, "The password is not right.")
    assert faults(session.post(TOTP, json={})).keys() == {"password"}


def test_a_wrong_password_for_setting_up_counts_as_one_at_sign_in(
    own: Account, session: SignedIn, people: People
) -> None:
    own.fail(4)
    assert "user.locked" not in own.topics(people("auditor"))
    assert session.post(TOTP, json={"password": "wrong-password"}).status_code == 403
    until(lambda: "user.locked" in own.topics(people("auditor")))
    refused = session.post(TOTP, json={"password": own.password})
    assert (refused.status_code, "Too many" in message(refused)) == (403, True)


def test_a_code_is_shown_of_what_was_set_up_alone(own: Account, session: SignedIn) -> None:
    refused = session.post(CONFIRM, json={"otp": "123456"})
    assert (refused.status_code, TOTP in message(refused)) == (409, True)


def test_a_wrong_first_code_leaves_all_as_it_was(own: Account, session: SignedIn, people: People) -> None:
    secret = session.post(TOTP, json={"password": own.password}).json()["secret"]
    for wrong in (wrong_code(secret), "12345", "abcdef", "1234567", "12345\uff16", 123456):
        assert faults(session.post(CONFIRM, json={"otp": wrong})).keys() == {"otp"}
    assert session.get("/api/users/me/").json()["second_factor"] is False
    assert own.try_password().status_code == 200
    assert own.topics(people("auditor")) == ["user.created"]
    good = pyotp.TOTP(secret).generate_otp(step())
    assert session.post(CONFIRM, json={"otp": good}).status_code == 200


def test_sessions_that_began_without_a_code_end_with_the_first(own: Account, session: SignedIn) -> None:
    another = own.signed_in()
    App(own, session)
    assert another.is_over()
    assert session.is_in()
    assert session.goes_on()


def test_codes_that_are_set_up_are_not_set_up_anew(app: App, own: Account, session: SignedIn) -> None:
    for password in (own.password, "wrong-password"):  # Which it is, is not told, and no code shows it either.
        assert session.post(TOTP, json={"password": password}).status_code == 409
    assert session.post(CONFIRM, json={"otp": app.fresh()}).status_code == 409
    assert app.sign_in(app.fresh()).status_code == 200


def test_the_first_code_is_spent_with_the_showing(own: Account, session: SignedIn) -> None:
    def again() -> Any:
        app = App(own, session)
        answer = app.sign_in(app.code())
        assert session.request("DELETE", TOTP, json=proof(own, app.fresh())).status_code == 204
        return answer

    assert in_one_step(again).status_code == 401


@pytest.mark.clause("Draft 2025, multi-factor", negative=True)
def test_a_code_is_taken_once_in_whichever_process(app: App, other: str) -> None:
    code = app.fresh()
    assert app.sign_in(code).status_code == 200
    for base in (None, other):
        assert message(app.sign_in(code, base)) == WRONG


@pytest.mark.clause("Draft 2025, multi-factor", negative=True)
def test_of_all_that_come_at_once_with_a_code_one_is_let_in(app: App, other: str) -> None:
    code = app.fresh()
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda n: app.sign_in(code, other if n % 2 else None).status_code, range(4)))
    assert sorted(codes) == [200, 401, 401, 401]


def test_a_code_before_the_last_one_that_was_taken_is_not_taken(app: App) -> None:
    def older() -> Any:
        assert app.sign_in(app.fresh(1)).status_code == 200
        return app.sign_in(app.code())

    assert in_one_step(older).status_code == 401


@pytest.mark.parametrize(("ahead", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
def test_a_clock_may_be_one_step_ahead_or_behind(app: App, ahead: int, status: int) -> None:
    assert in_one_step(lambda: app.sign_in(app.fresh(ahead))).status_code == status


@pytest.mark.clause("Draft 2025, multi-factor", negative=True)
def test_wrong_codes_lock_like_wrong_passwords_and_are_told_apart_in_the_trail_alone(
    app: App, own: Account, people: People, product: Product
) -> None:
    told = {message(app.sign_in(app.wrong())) for _ in range(4)} | {message(app.sign_in())}
    assert told == {WRONG}
    assert app.sign_in(app.fresh()).status_code == 401
    until(lambda: "user.locked" in own.topics(people("auditor")))
    whys = [fact["why"] for fact in recorded(product, "access.sign_in_failed") if fact.get("user") == own.id]
    assert whys == ["second_factor"] * 5 + ["locked"]


@pytest.mark.clause("11.300", negative=True)
def test_wrong_codes_lock_whatever_is_done_with_the_password_alone_meanwhile(
    app: App, own: Account, session: SignedIn, people: People
) -> None:
    for _ in range(5):
        assert session.request("DELETE", TOTP, json=proof(own, app.wrong())).status_code == 403
        assert session.post(TOTP, json={"password": own.password}).status_code == 409
        given = {"current_password": own.password, "new_password": own.password}
        assert faults(session.post(PASSWORD, json=given)) == {"otp": "This field is required."}
    until(lambda: "user.locked" in own.topics(people("auditor")))
    assert app.sign_in(app.fresh()).status_code == 401


def test_a_try_that_breaks_counts_as_none(app: App, own: Account, product: Product) -> None:
    """As where a seed was sealed with another key."""
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"], autocommit=True) as connection:
        seed = connection.execute("SELECT seed FROM ops.second_factors WHERE user_id = %s", (own.id,)).fetchone()
        assert seed is not None
        put = "UPDATE ops.second_factors SET seed = %s WHERE user_id = %s"
        connection.execute(put, (b"not sealed", own.id))
        assert {app.sign_in(app.code()).status_code for _ in range(6)} == {500}
        asked = "SELECT failed, pending FROM ops.password_tries WHERE user_id = %s"
        assert connection.execute(asked, (own.id,)).fetchone() == (0, 0)
        connection.execute(put, (seed[0], own.id))
    assert app.sign_in(app.fresh()).status_code == 200


@pytest.mark.clause("Draft 2025, multi-factor", negative=True)
def test_who_lost_what_his_codes_are_made_from_to_a_restore_is_not_let_in_by_the_password_alone(
    app: App, own: Account, session: SignedIn, people: People, product: Product
) -> None:
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"]) as connection:
        connection.execute("DELETE FROM ops.second_factors WHERE user_id = %s", (own.id,))
    assert (own.try_password().status_code, app.sign_in(app.code()).status_code) == (401, 401)
    assert recorded(product, "access.sign_in_failed")[-1]["why"] == "second_factor"
    assert session.post(TOTP, json={"password": own.password}).status_code == 409
    assert session.request("DELETE", TOTP, json=proof(own, app.code())).status_code == 403
    given = ("user", "reset-totp", own.name, "--reason", "What makes them was lost.")
    process = Process(*given, data=product.data, env=product.env)
    assert process.popen.wait(60) == 0, process.tell()
    assert own.try_password().status_code == 200
    assert own.topics(people("auditor"))[-1] == "user.second_factor_removed"


def test_a_changed_password_takes_a_code_where_they_are_set_up(app: App, own: Account, session: SignedIn) -> None:
    given = {"current_password": own.password, "new_password": "another-good-one"}
    assert faults(session.post(PASSWORD, json=given)) == {"otp": "This field is required."}
    assert faults(session.post(PASSWORD, json={**given, "otp": 123456})).keys() == {"otp"}
    refused = session.post(PASSWORD, json={**given, "otp": app.wrong()})
    assert (refused.status_code, message(refused)) == (403, "The current password or the one-time code is not right.")
    assert session.post(PASSWORD, json={**given, "otp": app.fresh()}).status_code == 200
    assert app.sign_in(app.fresh(), password="another-good-one").status_code == 200


def test_a_right_code_with_a_wrong_password_is_not_spent(app: App, own: Account, product: Product) -> None:
    code = app.fresh()
    assert ask(product, "/api/auth/token/", username=own.name, password="wrong-one", otp=code).status_code == 401
    assert app.sign_in(code).status_code == 200


def test_a_code_of_who_has_none_is_not_looked_at(own: Account, product: Product) -> None:
    assert ask(product, "/api/auth/token/", username=own.name, password=own.password, otp="123456").status_code == 200


def test_refreshing_and_rotating_ask_for_no_code(app: App, session: SignedIn, product: Product) -> None:
    rotated = ask(product, REFRESH, refresh=session.refresh, rotate=True)
    assert rotated.status_code == 200
    assert ask(product, REFRESH, refresh=rotated.json()["refresh"]).status_code == 200
    assert session.is_in()


@pytest.mark.clause("11.200")
def test_a_signature_takes_a_code_each_time(people: People, product: Product) -> None:
    head = account(people, product, roles=["department_head"])
    it = head.signed_in()
    app = App(head, it)
    first, second = (Story(people).submitted().id for _ in range(2))
    signature = {"password": head.password, "meaning": "Agreed."}
    refused = fire(it, first, "approve_department", signature=signature)
    assert faults(refused) == {"signature.otp": "This field is required."}
    wrong = fire(it, first, "approve_department", signature={**signature, "otp": app.wrong()})
    assert (wrong.status_code, "password or one-time code" in message(wrong)) == (403, True)
    assert recorded(product, "access.signature_refused")[-1]["why"] == "second_factor"
    code = app.fresh()
    assert fire(it, first, "approve_department", signature={**signature, "otp": code}).status_code == 200
    assert fire(it, second, "approve_department", signature={**signature, "otp": code}).status_code == 403
    again = fire(it, second, "approve_department", signature={**signature, "otp": app.fresh()})
    assert again.status_code == 200, again.text


def proof(it: Account, code: str) -> dict[str, str]:
    return {"password": it.password, "otp": code}


def test_one_gives_them_up_with_password_and_code(app: App, own: Account, session: SignedIn, people: People) -> None:
    for given in (proof(own, app.wrong()), {"password": "wrong-password", "otp": app.fresh()}):
        refused = session.request("DELETE", TOTP, json=given)
        assert (refused.status_code, message(refused)) == (403, "The password or the one-time code is not right.")
    assert faults(session.request("DELETE", TOTP, json={"password": own.password})).keys() == {"otp"}
    assert session.request("DELETE", TOTP, json=proof(own, app.fresh())).status_code == 204
    assert session.request("DELETE", TOTP, json=proof(own, app.code())).status_code == 409
    assert own.try_password().status_code == 200
    assert own.topics(people("auditor"))[-2:] == ["user.second_factor_set", "user.second_factor_removed"]
    again = App(own, session)  # Set up anew, codes are made from something else.
    assert again.secret != app.secret
    spent(own.product, own.id, step() - 2)
    assert again.sign_in(app.code()).status_code == 401


@pytest.mark.clause("11.300")
def test_who_lost_them_is_freed_by_an_administrator_who_says_why(
    app: App, own: Account, session: SignedIn, people: People
) -> None:
    admin, path = people("administrator"), f"{own.path}totp/"
    assert faults(admin.delete(path)) == {"reason": "This field is required."}
    assert admin.delete(path, params={"reason": "The phone is lost."}).status_code == 204
    assert session.is_over()
    assert own.try_password().status_code == 200
    fact = own.history(people("auditor"))[-1]
    assert (fact["event"], fact["reason"]) == ("user.second_factor_removed", "The phone is lost.")
    assert fact["changes"] == [{"field": "second_factor", "before": True, "after": False}]
    assert admin.delete(path, params={"reason": "Again."}).status_code == 409


@pytest.mark.clause("Draft 2025, multi-factor", negative=True)
def test_nobody_removes_the_codes_of_who_may_more_or_his_own_so(people: People, product: Product) -> None:
    manager = account(people, product, roles=[role(people, "user.read", "user.manage")]).signed_in()
    boss = account(people, product, roles=["administrator"])
    why = {"reason": "x"}
    for target, status in (
        (account(people, product), 409),
        (account(people, product, roles=["user"]), 403),
        (boss, 403),
    ):
        assert manager.delete(f"{target.path}totp/", params=why).status_code == status
    assert people("quality_manager").delete(f"{boss.path}totp/", params=why).status_code == 403
    assert people("viewer").delete(f"{boss.path}totp/", params=why).status_code == 404
    own = boss.signed_in()
    App(boss, own)
    refused = own.delete(f"{boss.path}totp/", params=why)
    says = "One's own one-time codes are removed with the password and a code."
    assert (refused.status_code, message(refused)) == (409, says)


def test_the_operator_frees_whoever_lost_them(app: App, own: Account, session: SignedIn, people: People) -> None:
    product = own.product
    given = ("user", "reset-totp", own.name, "--reason", "The phone is lost.", "--json")
    process = Process(*given, data=product.data, env=product.env)
    assert process.popen.wait(60) == 0, process.tell()
    assert f'{{"username":"{own.name}"}}' in process.tell()
    until(session.is_over)
    assert own.try_password().status_code == 200
    fact = own.history(people("auditor"))[-1]
    assert (fact["event"], fact["actor"], fact["reason"]) == (
        "user.second_factor_removed",
        None,
        "The phone is lost.",
    )
    again = Process(*given, data=product.data, env=product.env)
    assert (again.popen.wait(60), "No one-time codes are set up." in again.tell()) == (2, True)
