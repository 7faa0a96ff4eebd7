"""Signing: both components at each signature, refused in the same words, recorded, and kept nowhere."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.api.accounts import Account, account
from tests.api.stories import Story, faults, fire, message
from tests.support.product import Client, People, Product

SYSTEM = "/api/config/system/"
REFUSED = "The signature is not good: user name, password or one-time code."


@pytest.fixture
def head(people: People, product: Product) -> Account:
    return account(people, product, roles=["department_head"])


@pytest.fixture
def named(people: People) -> Iterator[Client]:
    """The administrator, while a signature takes the user name, too."""
    admin = people("administrator")
    assert admin.put(SYSTEM, json={"signature_require_username": True, "reason": "11.200"}).status_code == 200
    yield admin
    admin.put(SYSTEM, json={"signature_require_username": False})


def refusals(product: Product, user: int) -> list[dict[str, Any]]:
    """Return the refused signatures of a user, as they are recorded."""
    asked = "SELECT state FROM ledger.events WHERE topic = 'access.signature_refused' ORDER BY position"
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"]) as connection:
        facts = [json.loads(bytes(state)) for (state,) in connection.execute(asked)]
    return [fact for fact in facts if fact["actor"] == user]


@pytest.mark.clause("11.300")
def test_a_refused_signature_is_recorded_once_before_the_answer(
    head: Account, people: People, product: Product
) -> None:
    story = Story(people).submitted()
    given = {"password": "wrong-password", "meaning": "Agreed."}
    answer = fire(head.signed_in(), story.id, "approve_department", signature=given)
    assert (answer.status_code, message(answer)) == (403, REFUSED)
    (fact,) = refusals(product, head.id)
    assert (fact["why"], fact["source"]["address"]) == ("wrong_password", "127.0.0.1")
    assert "wrong-password" not in str(fact)


def test_a_user_name_that_is_given_must_be_the_signers(head: Account, people: People, product: Product) -> None:
    it, number = head.signed_in(), Story(people).submitted().id
    given = {"password": head.password, "meaning": "Agreed."}
    refused = fire(it, number, "approve_department", signature={**given, "username": "admin"})
    assert (refused.status_code, message(refused)) == (403, REFUSED)
    assert [fact["why"] for fact in refusals(product, head.id)] == ["unknown"]
    good = fire(it, number, "approve_department", signature={**given, "username": head.name.upper()})
    assert good.status_code == 200, good.text


def test_a_user_name_that_is_not_his_counts_as_a_wrong_password(head: Account, people: People) -> None:
    it, number = head.signed_in(), Story(people).submitted().id
    given = {"password": head.password, "meaning": "Agreed.", "username": "admin"}
    for _ in range(5):
        assert fire(it, number, "approve_department", signature=given).status_code == 403
    answer = fire(it, number, "approve_department", signature={**given, "username": head.name})
    assert (answer.status_code, "Too many" in message(answer)) == (403, True)


@pytest.mark.clause("11.200", negative=True)
def test_the_user_name_is_a_must_where_that_is_set(named: Client, head: Account, people: People) -> None:
    it, story = head.signed_in(), Story(people).submitted()
    given = {"password": head.password, "meaning": "Agreed."}
    required = {"signature.username": "This field is required."}
    assert faults(fire(it, story.id, "approve_department", signature=given)) == required
    assert faults(it.put(story.path, json={"status": "APPROVED", "signature": given})) == required
    signed = {**given, "username": head.name}
    assert fire(it, story.id, "approve_department", signature=signed).status_code == 200


@pytest.mark.parametrize("field", ["otp", "username"])
def test_a_component_of_a_wrong_type_is_a_fault_of_the_input(head: Account, people: People, field: str) -> None:
    given = {"password": head.password, "meaning": "Agreed.", field: 7}
    answer = fire(head.signed_in(), Story(people).submitted().id, "approve_department", signature=given)
    assert f"signature.{field}" in faults(answer)
