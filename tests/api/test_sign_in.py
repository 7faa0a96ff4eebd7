"""Signing in, staying signed in, and out."""

import base64
import hmac
import json
import time
from typing import Any

import pytest

from tests.api.accounts import LOGOUT, REFRESH, TOKEN, account, ask
from tests.api.stories import faults
from tests.support.product import ADMIN_PASSWORD, Client, People, Product

#: Headers that are each answer's own.
STRAY = ("date", "x-request-id", "x-position")


def signed_in(product: Product) -> dict[str, Any]:
    answer = product.anonymous().post(TOKEN, json={"username": "admin", "password": ADMIN_PASSWORD})
    assert answer.status_code == 200
    tokens: dict[str, Any] = answer.json()
    return tokens


def forged(header: dict[str, Any], claims: dict[str, Any], key: bytes = b"") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = hmac.digest(key, b".".join(parts), "sha256") if key else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def status_with(product: Product, token: str, scheme: str = "Bearer") -> int:
    return product.anonymous().get("/api/deviations/", headers={"Authorization": f"{scheme} {token}"}).status_code


def test_the_answer_is_the_documents(product: Product) -> None:
    tokens = signed_in(product)
    assert tokens.keys() == {"access", "refresh", "user"}
    assert tokens["user"] == {"id": 1, "username": "admin", "first_name": "", "last_name": ""}


def test_tokens_are_not_kept_by_caches(product: Product) -> None:
    answer = product.anonymous().post(TOKEN, json={"username": "admin", "password": ADMIN_PASSWORD})
    assert answer.headers["Cache-Control"] == "no-store"


def test_all_who_are_not_let_in_are_told_the_same(product: Product, people: People) -> None:
    known, locked, gone = (account(people, product) for _ in range(3))
    locked.fail(5)
    assert people("administrator").delete(gone.path).status_code == 204
    answers = [
        ask(product, TOKEN, username=known.name, password="wrong-password"),
        ask(product, TOKEN, username="nobody-of-this-name", password="wrong-password"),
        *(it.try_password() for it in (locked, gone)),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    kept = [{name: it for name, it in answer.headers.items() if name not in STRAY} for answer in answers]
    assert all(headers == kept[0] for headers in kept)


def test_all_who_are_not_let_in_wait_as_long(product: Product, people: People) -> None:
    locked = account(people, product)
    locked.fail(5)
    times: dict[str, list[float]] = {locked.name: [], "nobody-of-this-name": [], "known": []}
    for _ in range(2):
        known = account(people, product)
        for _ in range(4):
            for name, taken in times.items():
                begun = time.perf_counter()
                ask(product, TOKEN, username=known.name if name == "known" else name, password="wrong-password")
                taken.append(time.perf_counter() - begun)
    shortest = [min(taken) for taken in times.values()]
    assert max(shortest) < 3 * min(shortest)  # Without the hash it would be a tenth.


def test_a_user_name_is_found_in_any_case_and_width(product: Product) -> None:
    for name in ("ADMIN", "\uff41\uff44\uff4d\uff49\uff4e"):
        assert product.anonymous().post(TOKEN, json={"username": name, "password": ADMIN_PASSWORD}).status_code == 200


def test_faults_of_a_sign_in_are_told_at_once(product: Product) -> None:
    assert faults(product.anonymous().post(TOKEN, json={"user": "x"})).keys() == {"user", "username", "password"}


def test_a_password_may_be_typed_in_any_normal_form(product: Product, people: People) -> None:
    made = product.admin().post("/api/users/", json={"username": "noemi", "password": "Pa\u0308sswo\u0308rd"})
    assert made.status_code == 201
    for typed in ("P\u00e4ssw\u00f6rd", "Pa\u0308sswo\u0308rd"):
        product.anonymous().sign_in("noemi", typed)


def test_an_old_token_in_the_header_keeps_nobody_from_signing_in(product: Product) -> None:
    tokens = signed_in(product)
    old = Client(product.http, "expired.or.broken")
    assert old.post(TOKEN, json={"username": "admin", "password": ADMIN_PASSWORD}).status_code == 200
    assert old.post(REFRESH, json={"refresh": tokens["refresh"]}).status_code == 200


def test_a_refresh_token_gives_new_access_again_and_again(product: Product) -> None:
    tokens = signed_in(product)
    for _ in range(2):
        answer = product.anonymous().post(REFRESH, json={"refresh": tokens["refresh"]})
        assert answer.json().keys() == {"access"}
        assert status_with(product, answer.json()["access"]) == 200


def test_a_rotated_token_that_comes_again_ends_its_family(product: Product) -> None:
    tokens, other = signed_in(product), signed_in(product)
    ask = product.anonymous().post
    second = ask(REFRESH, json={"refresh": tokens["refresh"], "rotate": True}).json()
    assert second.keys() == {"access", "refresh"}
    third = ask(REFRESH, json={"refresh": second["refresh"], "rotate": True}).json()
    assert ask(REFRESH, json={"refresh": second["refresh"]}).status_code == 401
    assert ask(REFRESH, json={"refresh": third["refresh"]}).status_code == 401
    assert ask(REFRESH, json={"refresh": other["refresh"]}).status_code == 200


def test_a_refresh_token_is_dead_after_logout(product: Product) -> None:
    tokens = signed_in(product)
    for _ in range(2):
        left = product.anonymous().post(LOGOUT, json={"refresh": tokens["refresh"]})
        assert (left.status_code, left.json()["status"]) == (200, "success")
    assert product.anonymous().post(REFRESH, json={"refresh": tokens["refresh"]}).status_code == 401


def test_tokens_are_good_for_their_own_purpose_alone(product: Product) -> None:
    tokens = signed_in(product)
    assert status_with(product, tokens["refresh"]) == 401
    for path in (REFRESH, LOGOUT):
        assert product.anonymous().post(path, json={"refresh": tokens["access"]}).status_code == 401


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Digest"])
def test_other_schemes_are_refused(product: Product, scheme: str) -> None:
    assert status_with(product, signed_in(product)["access"], scheme) == 401


@pytest.mark.clause("11.10(d)", negative=True)
def test_forged_tokens_are_refused(product: Product) -> None:
    key = base64.b64decode((product.data / "keys" / "jwt.key").read_bytes())
    now = int(time.time())
    session = claims_of(signed_in(product)["access"])["sid"]
    good = {"sub": "1", "typ": "access", "jti": "x", "sid": session, "iat": now, "exp": now + 60}
    assert status_with(product, forged({"alg": "HS256", "typ": "JWT"}, good, key)) == 200
    for header, claims, signed_by in (
        ({"alg": "none"}, good, b""),
        ({"alg": "HS256"}, good, b"another key, of thirty-two bytes"),
        ({"alg": "HS512"}, good, key),
        ({"alg": "HS256"}, {**good, "exp": now - 1}, key),
        ({"alg": "HS256"}, {name: good[name] for name in good if name != "exp"}, key),
        ({"alg": "HS256"}, {name: good[name] for name in good if name != "typ"}, key),
        ({"alg": "HS256"}, {name: good[name] for name in good if name != "sid"}, key),
        ({"alg": "HS256"}, {**good, "sid": "one"}, key),
        ({"alg": "HS256"}, {**good, "sub": "one"}, key),
        ({"alg": "HS256"}, {**good, "sub": "999999"}, key),
        ({"alg": "HS256"}, {**good, "typ": "refresh"}, key),
    ):
        assert status_with(product, forged(header, claims, signed_by)) == 401, (header, claims)


def test_two_authorization_headers_are_none(product: Product) -> None:
    token = f"Bearer {signed_in(product)['access']}"
    headers = [("Authorization", token), ("Authorization", token)]
    assert product.http.get("/api/deviations/", headers=headers).status_code == 401
