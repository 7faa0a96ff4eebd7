"""Webhooks' doors: who may open them, what is refused, and that the secret is never shown."""

from base64 import b64encode
from typing import get_args

import pytest

from api.dialects.masetra.shapes import Status
from domain.platform.webhooks import PUBLIC_EVENTS
from domain.quality.deviation import DEVIATIONS
from tests.api.hooks import PATH, hook
from tests.api.stories import faults
from tests.support.product import People


def test_a_webhook_is_made_shown_listed_and_deleted(people: People) -> None:
    manager = people("quality_manager")
    made = manager.post(PATH, json=hook())
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown == {
        "id": shown["id"],
        "url": "https://hooks.example.com/in",
        "events": ["deviation.created"],
        "active": True,
        "created": shown["created"],
        "failing_since": None,
    }
    one = f"{PATH}{shown['id']}/"
    assert manager.get(one).json() == shown
    assert shown in manager.get(PATH, params={"limit": 200}).json()["results"]
    assert manager.delete(one).status_code == 204
    assert manager.get(one).status_code == manager.delete(one).status_code == 404
    assert shown not in manager.get(PATH, params={"limit": 200}).json()["results"]


def test_a_secret_is_in_no_answer(people: People) -> None:
    made = people("quality_manager").post(PATH, json=hook(secret="do-not-show-this"))
    one = people("quality_manager").get(f"{PATH}{made.json()['id']}/")
    assert "do-not-show-this" not in made.text + one.text + people("quality_manager").get(PATH).text


def test_webhooks_are_managed_by_who_may(people: People) -> None:
    number = people("quality_manager").post(PATH, json=hook()).json()["id"]
    for role in ("user", "management"):
        assert people(role).get(PATH).status_code == 403
        assert people(role).post(PATH, json=hook()).status_code == 403
        assert people(role).get(f"{PATH}{number}/").status_code == 404
        assert people(role).delete(f"{PATH}{number}/").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "https://user:pass@example.com/",
        "https://169.254.169.254/latest/meta-data/",
        "http://0.0.0.0/",
        "https://example.com/#part",
        "not a url",
        "",
        "https://" + "x" * 3000,
    ],
)
def test_targets_that_can_be_none_are_refused(people: People, url: str) -> None:
    assert faults(people("quality_manager").post(PATH, json=hook(url=url))).keys() == {"url"}


def test_unknown_events_are_refused_naming_those_there_are(people: People) -> None:
    for events in (["deviation.exploded"], ["deviation.created", 5], [], "deviation.created"):
        found = faults(people("quality_manager").post(PATH, json=hook(events=events)))
        assert found.keys() == {"events"}
    found = faults(people("quality_manager").post(PATH, json=hook(events=["deviation.exploded"])))
    assert all(name in found["events"] for name in PUBLIC_EVENTS)


def test_the_same_event_twice_is_once(people: People) -> None:
    made = people("quality_manager").post(PATH, json=hook(events=["deviation.closed", "deviation.closed"]))
    assert made.json()["events"] == ["deviation.closed"]


def test_a_secret_is_required_and_bounded(people: People) -> None:
    assert "secret" in faults(people("quality_manager").post(PATH, json=hook(secret="")))
    assert "secret" in faults(people("quality_manager").post(PATH, json=hook(secret="x" * 501)))


@pytest.mark.parametrize(
    "key", ["", "c2hvcnQ=", b64encode(b"k" * 23).decode(), b64encode(b"k" * 65).decode(), "?" * 40]
)
def test_a_secret_that_says_it_is_encoded_is_a_key_of_24_to_64_bytes(people: People, key: str) -> None:
    client, secret = people("quality_manager"), {"secret": f"whsec_{key}"}
    assert faults(client.post(PATH, json=hook(**secret))).keys() == {"secret"}
    made = client.post(PATH, json=hook(secret=f"whsec_{b64encode(b'k' * 24).decode()}")).json()
    assert faults(client.put(f"{PATH}{made['id']}/", json=secret)).keys() == {"secret"}
    assert faults(client.post(f"{PATH}{made['id']}/rotate/", json=secret)).keys() == {"secret"}


def test_the_document_names_every_status_that_there_is() -> None:
    assert get_args(Status) == DEVIATIONS.states
