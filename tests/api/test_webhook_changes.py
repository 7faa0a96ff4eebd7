"""Changing a webhook and rotating its secret over HTTP."""

from base64 import b64decode, b64encode
from typing import Any

import psycopg
import pytest
from standardwebhooks.webhooks import Webhook

from tests.api.hooks import PATH, Hook
from tests.api.stories import faults, message, report
from tests.support.product import People, Product
from tests.support.receiver import subscriber

STANDING = {"id", "created", "failing_since"}


@pytest.fixture
def made(people: People) -> Hook:
    """A webhook of whoever manages them."""
    return Hook(people("quality_manager"))


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "https://other.example.com/in"},
        {"events": ["capa.closed", "deviation.updated"]},
        {"active": False},
        {"url": "https://other.example.com/in", "events": ["capa.created"], "active": False},
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_only_the_fields_given_change(made: Hook, method: str, changes: dict[str, Any]) -> None:
    answer = made.client.request(method, made.path, json=changes)
    assert answer.status_code == 200, answer.text
    assert answer.json() == made.made | changes == made.shown()
    assert answer.headers["etag"].startswith('"2-')


def test_what_is_read_can_be_put_back_and_changes_nothing(made: Hook) -> None:
    answer = made.client.put(made.path, json=made.made)
    assert answer.status_code == 200
    assert (answer.json(), answer.headers["etag"][:3]) == (made.made, '"1-')


def test_the_secret_that_signs_changes_nothing(made: Hook) -> None:
    answer = made.client.put(made.path, json={"secret": "a client's secret", "url": made.made["url"]})
    assert answer.headers["etag"].startswith('"1-')


@pytest.mark.parametrize("field", sorted(STANDING))
def test_what_is_read_only_is_not_changed(made: Hook, field: str) -> None:
    value = {"id": 10**6, "created": "2020-01-01T00:00:00Z", "failing_since": "2020-01-01T00:00:00Z"}[field]
    assert faults(made.client.put(made.path, json={field: value})) == {field: "This field is read-only."}


def test_every_fault_of_a_change_is_told_at_once(made: Hook) -> None:
    wrong = {"url": "https://127.0.0.1:1@example.com/", "events": ["x"], "active": "yes", "secret": "", "colour": 1}
    assert faults(made.client.put(made.path, json=wrong)).keys() == wrong.keys()


def test_another_target_is_checked_as_at_creation(made: Hook) -> None:
    for url in ("ftp://example.com/", "https://169.254.169.254/latest/", "https://a:b@example.com/"):
        assert faults(made.client.put(made.path, json={"url": url})).keys() == {"url"}


def test_a_change_is_made_by_who_may_at_the_version_that_is_meant(made: Hook, people: People) -> None:
    assert people("user").put(made.path, json={"active": False}).status_code == 404
    assert people("viewer").put(made.path, json={"active": False}).status_code == 403
    stale = {"If-Match": made.client.get(made.path).headers["etag"]}
    made.change(active=False)
    assert made.client.put(made.path, json={"colour": 1}, headers=stale).status_code == 412
    assert made.client.put(f"{PATH}999999/", json={}).status_code == 404


def test_a_deleted_webhook_is_not_changed(made: Hook) -> None:
    assert made.client.delete(made.path).status_code == 204
    assert made.client.put(made.path, json={"active": True}).status_code == 404
    assert made.client.post(f"{made.path}rotate/").status_code == 404
    assert made.client.get(made.log).status_code == 404
    assert made.client.post(f"{made.path}redeliver/", json={"since": "2020-01-01"}).status_code == 404


def test_a_webhook_that_its_receiver_ended_is_made_active_again(people: People) -> None:
    with subscriber() as receiver:
        receiver.status = lambda _: 410
        it = Hook(people("quality_manager"), url=receiver.url)
        report(people("user"))
        it.settled(1, "failed")
        ended = it.shown()
        assert (ended["active"], ended["failing_since"] is not None) == (False, True)
        assert message(it.client.post(f"{it.path}redeliver/", json={"since": "2020-01-01"})).startswith("The receiver")
        assert it.change(**ended) == ended
        receiver.status = lambda _: 200
        assert it.change(active=True) == it.shown() == it.made
        it.told(people("user"))


def test_a_made_up_secret_is_shown_once_and_signs_beside_the_old_one(people: People) -> None:
    with subscriber() as receiver:
        it = Hook(people("quality_manager"), url=receiver.url)
        answer = it.client.post(f"{it.path}rotate/")
        assert answer.status_code == 200, answer.text
        rotated = answer.json()
        secret = rotated.pop("secret")
        assert rotated == it.made | {"overlap_seconds": 86_400}
        assert len(b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
        assert secret not in it.client.get(it.path).text + it.client.get(PATH).text
        it.told(people("user"))
        received = receiver.received[-1]
        for known in (secret, b64encode(b"a client's secret").decode()):
            Webhook(known).verify(received.body, received.headers)
        newest = received.headers["webhook-signature"].split()[0]
        Webhook(secret).verify(received.body, {**received.headers, "webhook-signature": newest})


def test_a_secret_of_the_clients_is_not_shown(made: Hook) -> None:
    for answer in (
        made.client.post(f"{made.path}rotate/", json={"secret": "do-not-show-this"}),
        made.client.put(made.path, json={"secret": "nor-this", "reason": "It was in a log."}),
    ):
        assert answer.status_code == 200, answer.text
        assert "secret" not in answer.json()
        assert "-this" not in answer.text


def test_a_rotation_is_to_another_secret(made: Hook) -> None:
    found = faults(made.client.post(f"{made.path}rotate/", json={"secret": "a client's secret"}))
    assert found == {"secret": "This is the secret already."}
    assert faults(made.client.post(f"{made.path}rotate/", json={"secret": "x" * 501, "old": 1})).keys() == {
        "secret",
        "old",
    }


def test_the_same_key_rotates_once_and_shows_the_secret_again(made: Hook) -> None:
    key = {"Idempotency-Key": f"rotate-{made.id}"}
    first, second = (made.client.post(f"{made.path}rotate/", headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert (second.headers["idempotency-replayed"], made.client.get(made.path).headers["etag"][:3]) == ("true", '"2-')


def test_secrets_that_sign_at_the_same_time_are_a_few(made: Hook) -> None:
    for number in range(4):
        assert made.client.put(made.path, json={"secret": f"secret {number}"}).status_code == 200
    answer = made.client.post(f"{made.path}rotate/")
    assert (answer.status_code, "5 secrets" in message(answer)) == (409, True)


def test_no_secret_is_in_the_ledger_or_the_database(made: Hook, product: Product) -> None:
    secret = made.client.post(f"{made.path}rotate/", headers={"Idempotency-Key": "sealed"}).json()["secret"]
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        for column in ("state FROM ledger.events", "secret FROM ops.webhook_secrets", "answer FROM ops.answers"):
            rows = connection.execute(f"SELECT {column}".encode()).fetchall()
            assert rows
            assert not any(word in bytes(row[0]) for row in rows for word in (secret.encode(), b"a client's secret"))
