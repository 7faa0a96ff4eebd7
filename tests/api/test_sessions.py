"""Sessions: listed, ended, and dead at once with all that came of them."""

import secrets

import psycopg
import pytest

from tests.api.accounts import LOGOUT, REFRESH, SESSIONS, Account, SignedIn, account, ask, role
from tests.support.product import People, Product, until


@pytest.fixture
def own(people: People, product: Product) -> Account:
    return account(people, product)


def status_at(product: Product, base: str, it: SignedIn) -> int:
    return product.http.get(f"{base}/api/users/me/", headers=it.headers).status_code


def test_every_sign_in_is_a_session(own: Account) -> None:
    first, second = own.signed_in(), own.signed_in()
    page = second.get(SESSIONS).json()
    assert page.keys() == {"count", "next", "previous", "results"}
    assert page["count"] == 2
    newest, oldest = page["results"]
    assert newest.keys() == {
        "id", "created_at", "last_used_at", "expires_at", "address", "user_agent", "current",
    }  # fmt: skip
    assert (newest["current"], oldest["current"]) == (True, False)
    assert (newest["address"], newest["user_agent"][:12]) == ("127.0.0.1", "python-httpx")
    assert first.session() == oldest["id"]


def test_sessions_come_in_pages(own: Account) -> None:
    it = [own.signed_in() for _ in range(3)][-1]
    page = it.get(SESSIONS, params={"limit": 2}).json()
    rest = it.get(page["next"]).json()
    assert (page["count"], len(page["results"]), len(rest["results"])) == (3, 2, 1)


def test_a_user_agent_is_kept_on_one_line_and_short(own: Account, product: Product) -> None:
    body = {"username": own.name, "password": own.password}
    agent = "Mozilla\t<b>" + "x" * 2000
    tokens = product.http.post("/api/auth/token/", json=body, headers={"User-Agent": agent}).json()
    (shown,) = SignedIn(product, tokens).get(SESSIONS).json()["results"]
    assert shown["user_agent"] == ("Mozilla<b>" + "x" * 2000)[:200]


def test_a_refresh_says_when_and_by_what_a_session_was_used(own: Account, product: Product) -> None:
    it = own.signed_in()
    product.http.post(REFRESH, json={"refresh": it.refresh}, headers={"User-Agent": "another"})
    (shown,) = it.get(SESSIONS).json()["results"]
    assert shown["user_agent"] == "another"
    assert shown["last_used_at"] >= shown["created_at"]


def test_logout_ends_the_session_at_once(own: Account, product: Product) -> None:
    it, another = own.signed_in(), own.signed_in()
    assert ask(product, LOGOUT, refresh=it.refresh).json()["status"] == "success"
    assert it.is_over()
    assert another.is_in()
    assert another.goes_on()


def test_what_came_of_a_session_dies_with_it(own: Account, product: Product) -> None:
    it = own.signed_in()
    renewed = ask(product, REFRESH, refresh=it.refresh, rotate=True).json()
    later = SignedIn(product, renewed)
    ask(product, LOGOUT, refresh=later.refresh)
    assert not it.is_in()
    assert later.is_over()


def test_one_ends_ones_own_session_by_its_id(own: Account) -> None:
    it, another = own.signed_in(), own.signed_in()
    path = f"{SESSIONS}{it.session()}/"
    assert another.delete(path).status_code == 204
    assert it.is_over()
    assert another.delete(path).status_code == 404
    assert another.get(SESSIONS).json()["count"] == 1


def test_one_may_end_the_session_that_one_is_in(own: Account) -> None:
    it = own.signed_in()
    assert it.delete(f"{SESSIONS}{it.session()}/").status_code == 204
    assert it.is_over()


def test_one_ends_all_of_ones_sessions_but_this(own: Account) -> None:
    it, *others = (own.signed_in() for _ in range(3))
    assert it.delete(SESSIONS).status_code == 204
    assert all(one.is_over() for one in others)
    assert it.is_in()
    assert it.goes_on()


def test_that_somebody_ended_sessions_is_a_fact_and_that_he_left_is_none(
    own: Account, people: People, product: Product
) -> None:
    it, one, two = (own.signed_in() for _ in range(3))
    it.delete(f"{SESSIONS}{one.session()}/", params={"reason": "lost"})
    it.delete(SESSIONS)
    assert it.delete(SESSIONS).status_code == 204
    ask(product, LOGOUT, refresh=it.refresh)
    facts = own.history(people("auditor"))[1:]
    assert [fact["event"] for fact in facts] == ["user.session_ended", "user.sessions_ended"]
    assert (facts[0]["reason"], facts[0]["actor"]["id"]) == ("lost", own.id)
    assert two.is_over()


def test_nobody_ends_the_session_of_another(own: Account, people: People) -> None:
    it = own.signed_in()
    for client in (people("user"), people("administrator")):
        assert client.delete(f"{SESSIONS}{it.session()}/").status_code == 404
    assert it.is_in()


@pytest.mark.parametrize("session", ["0", "none", "00000000-0000-4000-8000-000000000000"])
def test_a_session_that_there_is_none_of(people: People, session: str) -> None:
    assert people("user").delete(f"{SESSIONS}{session}/").status_code == 404
    assert people("administrator").delete(f"/api/users/1/sessions/{session}/").status_code == 404


def test_who_manages_users_sees_and_ends_their_sessions(own: Account, people: People, product: Product) -> None:
    manager = account(people, product, roles=[role(people, "user.read", "user.manage")]).signed_in()
    one, two, three = (own.signed_in() for _ in range(3))
    listed = manager.get(f"{own.path}sessions/").json()
    assert (listed["count"], {it["current"] for it in listed["results"]}) == (3, {False})
    assert manager.delete(f"{own.path}sessions/{one.session()}/").status_code == 204
    assert one.is_over()
    assert two.is_in()
    assert manager.delete(f"{own.path}sessions/").status_code == 204
    assert two.is_over()
    assert three.is_over()
    assert own.topics(people("auditor"))[1:] == ["user.session_ended", "user.sessions_ended"]


def test_others_neither_see_nor_end_them(own: Account, people: People) -> None:
    session = own.signed_in().session()
    for reader, status in (("viewer", 404), ("quality_manager", 403), ("auditor", 403)):
        assert people(reader).get(f"{own.path}sessions/").status_code == status
        assert people(reader).delete(f"{own.path}sessions/").status_code == status
        assert people(reader).delete(f"{own.path}sessions/{session}/").status_code == status


@pytest.mark.clause("11.300", negative=True)
def test_a_stolen_refresh_token_ends_the_session_and_is_a_fact(own: Account, people: People, product: Product) -> None:
    it = own.signed_in()
    thief = SignedIn(product, ask(product, REFRESH, refresh=it.refresh, rotate=True).json())
    assert ask(product, REFRESH, refresh=it.refresh).status_code == 401
    assert thief.is_over()
    assert not it.is_in()
    auditor = people("auditor")
    until(lambda: "user.session_ended" in own.topics(auditor))
    fact = own.history(auditor)[-1]
    assert (fact["actor"], "refresh token" in fact["comment"]) == (None, True)


def test_a_session_that_ends_in_one_process_is_over_in_all(own: Account, product: Product, other: str) -> None:
    it, another = own.signed_in(), own.signed_in()
    assert status_at(product, other, it) == 200
    ask(product, LOGOUT, refresh=it.refresh)
    until(lambda: status_at(product, other, it) == 401)
    assert status_at(product, other, another) == 200
    another.delete(f"{other}{SESSIONS}{another.session()}/")
    until(lambda: status_at(product, "", another) == 401)


def test_of_two_that_rotate_a_token_at_once_none_keeps_what_he_got(own: Account, product: Product, other: str) -> None:
    """One of them may be a thief: whichever was first, the second ends the session."""
    it = own.signed_in()
    answers = [ask(product, REFRESH, base, refresh=it.refresh, rotate=True) for base in ("", other)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert ask(product, REFRESH, refresh=answers[0].json()["refresh"]).status_code == 401
    until(lambda: SignedIn(product, answers[0].json()).is_over())


def test_a_session_without_its_row_does_not_go_on(own: Account, product: Product) -> None:
    it = own.signed_in()
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"]) as connection:
        connection.execute("DELETE FROM ops.sessions WHERE id = %s", (it.session(),))
    assert not it.goes_on()


def test_a_session_is_over_when_its_time_is(own: Account, product: Product) -> None:
    it, another = own.signed_in(), own.signed_in()
    past = "UPDATE ops.{} SET expires_at = now() - interval '1 second' WHERE {} = %s"
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"]) as connection:
        for table, column in (("sessions", "id"), ("refresh_tokens", "family")):
            connection.execute(past.format(table, column), (it.session(),))  # type: ignore[call-overload]
    assert not it.goes_on()
    assert another.get(SESSIONS).json()["count"] == 1


def test_a_reason_that_is_none_is_refused(own: Account) -> None:
    it = own.signed_in()
    assert it.delete(SESSIONS, params={"reason": "x" * 3000}).status_code == 400
    own.signed_in()
    assert it.delete(SESSIONS, params={"why": secrets.token_hex(2)}).status_code == 400
