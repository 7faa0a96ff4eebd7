"""The log of what a webhook was told, and telling it again, over HTTP."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import psycopg
import pytest

from domain.platform.webhooks import PUBLIC_EVENTS
from tests.api.hooks import Hook
from tests.api.stories import faults, message, report
from tests.support.product import People, Product, until
from tests.support.receiver import Subscriber, subscriber

EVER = "2020-01-01"


@pytest.fixture
def receiver() -> Iterator[Subscriber]:
    """Somebody who listens."""
    with subscriber() as listening:
        yield listening


@pytest.fixture
def told(people: People, receiver: Subscriber) -> Hook:
    """A webhook that listens there."""
    return Hook(people("quality_manager"), url=receiver.url)


def test_a_body_shows_what_the_details_show_links_too(people: People, receiver: Subscriber) -> None:
    """The detail as it is once the last fact is recorded, and who did it."""
    told = Hook(people("quality_manager"), url=receiver.url, events=sorted(PUBLIC_EVENTS))
    manager, made = people("quality_manager"), report(people("user"))
    body = {"title": "T", "description": "D", "department": "QA", "source_type": "DEVIATION", "source_id": made["id"]}
    capa = manager.post("/api/capas/", json=body).json()
    deviation = manager.patch(f"/api/deviations/{made['id']}/", json={"priority": "URGENT"}).json()
    assert [it["id"] for it in deviation["capas"]] == [capa["id"]]
    told.settled(3)
    bodies = {(it.json["event"], it.json["data"]["id"]): it.json["data"] for it in receiver.received}
    by = {"id": people.id("quality_manager"), "username": bodies["capa.created", capa["id"]]["changed_by"]["username"]}
    assert bodies["capa.created", capa["id"]] == {**capa, "changed_by": by}
    assert bodies["deviation.updated", made["id"]] == {**deviation, "changed_by": by}
    assert bodies["deviation.created", made["id"]]["capas"] == []


def test_the_log_tells_what_was_sent_newest_first(told: Hook, people: People, receiver: Subscriber) -> None:
    first, second = (report(people("user")) for _ in range(2))
    log = told.settled(2)
    assert [it["record"] for it in log] == [{"kind": "deviation", "id": it["id"]} for it in (second, first)]
    entry, body = log[1], next(it for it in receiver.received if it.json["data"]["id"] == first["id"])
    assert entry == {
        "id": body.id,
        "event": "deviation.created",
        "record": {"kind": "deviation", "id": first["id"]},
        "position": entry["position"],
        "timestamp": body.json["timestamp"],
        "state": "delivered",
        "attempts": 1,
        "next_attempt_at": None,
        "delivered_at": entry["delivered_at"],
        "last_status": 200,
        "last_error": None,
    }


def test_a_log_is_a_page_and_its_own_webhooks(told: Hook, people: People) -> None:
    other = Hook(people("quality_manager"))
    told.told(people("user"), 3)
    page = told.client.get(told.log, params={"limit": 2}).json()
    assert (page["count"], len(page["results"])) == (3, 2)
    rest = told.client.get(page["next"]).json()
    assert (rest["previous"] is not None, rest["next"], len(rest["results"])) == (True, None, 1)
    assert other.client.get(f"{other.log}{rest['results'][0]['id']}/").status_code == 404
    assert told.client.get(told.log, params={"page": 3, "limit": 2}).status_code == 404


def test_a_log_is_narrowed_by_state_event_and_time(told: Hook, people: People, receiver: Subscriber) -> None:
    told.change(events=["deviation.created", "deviation.updated"])
    told.told(people("user"), 2)
    receiver.status = lambda _: 500
    report(people("user"))
    waiting = told.settled(1, "pending")[0]
    today = datetime.now(UTC).date()
    for asked, count in (
        ({}, 3),
        ({"state": "delivered"}, 2),
        ({"state": "pending"}, 1),
        ({"state": "failed"}, 0),
        ({"state": "lost"}, 0),
        ({"event": "deviation.created"}, 3),
        ({"event": "deviation.updated"}, 0),
        ({"since": EVER}, 3),
        ({"since": str(today - timedelta(days=1)), "until": str(today + timedelta(days=1))}, 3),
        ({"until": EVER}, 0),
        ({"since": str(today + timedelta(days=2))}, 0),
        ({"since": waiting["timestamp"], "state": "pending"}, 1),
        ({"until": waiting["timestamp"], "state": "pending"}, 1),
    ):
        assert len(told.deliveries(**asked)) == count, asked


def test_a_query_of_the_log_that_is_faulty_is_refused_by_name(told: Hook) -> None:
    answer = told.client.get(told.log, params={"since": "yesterday", "untill": EVER, "limit": 0})
    assert faults(answer).keys() == {"since", "untill", "limit"}


def test_a_log_can_be_asked_for_as_of_a_write(told: Hook, people: People) -> None:
    for _ in range(3):
        made = people("user").post("/api/deviations/", json=_deviation())
        least = {"X-Min-Position": made.headers["x-position"]}
        newest = told.client.get(told.log, headers=least).json()["results"][0]
        assert newest["record"]["id"] == made.json()["id"]


def test_a_delivery_shows_each_attempt_and_to_who_manages_webhooks_its_body(
    told: Hook, people: People, receiver: Subscriber
) -> None:
    (entry,) = told.told(people("user"))
    one = f"{told.log}{entry['id']}/"
    shown = told.client.get(one).json()
    (attempt,) = shown["attempt_log"]
    assert attempt | {"at": 0, "milliseconds": 0} == {
        "number": 1,
        "at": 0,
        "status": 200,
        "milliseconds": 0,
        "error": None,
    }
    assert shown == entry | {"attempt_log": [attempt], "body": receiver.received[-1].json}
    assert people("viewer").get(one).json() == entry | {"attempt_log": [attempt]}
    for nobodys in (f"msg_{'0' * 32}", "msg_of_nobody", "%20", "\U0001f421"):
        assert told.client.get(f"{told.log}{nobodys}/").status_code == 404


def test_a_log_is_seen_by_who_may_see_webhooks_and_asked_for_again_by_who_manages_them(
    told: Hook, people: People
) -> None:
    (entry,) = told.told(people("user"))
    one = f"{told.log}{entry['id']}/"
    again = {"since": EVER}
    for role, seen, asked in (("user", 404, 404), ("viewer", 200, 403)):
        client = people(role)
        assert [client.get(path).status_code for path in (told.log, one)] == [seen, seen]
        assert client.post(f"{one}redeliver/").status_code == asked
        assert client.post(f"{told.path}redeliver/", json=again).status_code == asked


def test_one_is_made_again_as_the_same_message(told: Hook, people: People, receiver: Subscriber) -> None:
    (entry,) = told.told(people("user"))
    answer = told.client.post(f"{told.log}{entry['id']}/redeliver/", json={"reason": "It was lost."})
    assert (answer.status_code, answer.json()) == (202, {"count": 1})
    until(lambda: len(receiver.received) == 2, says="the second one")
    first, again = receiver.received
    assert (first.id, first.body) == (again.id, again.body)
    shown = until(lambda: (it := told.deliveries()[0])["state"] == "delivered" and it)
    assert (shown["attempts"], shown["position"]) == (2, entry["position"])


def test_all_since_a_time_are_made_again_once(told: Hook, people: People, receiver: Subscriber) -> None:
    log = told.told(people("user"), 5)
    assert told.again(since=EVER, until="2020-12-31") == 0
    assert told.again(since=EVER, state="failed") == 0
    answered = Event()
    receiver.status = lambda _: 200 if answered.wait(30) else 500
    assert told.again(since=log[0]["timestamp"]) == 5
    assert told.again(since=EVER) == 0
    answered.set()
    told.settled(5)
    assert Counter(it.id for it in receiver.received) == {it["id"]: 2 for it in log}


def test_asking_for_nothing_records_nothing(told: Hook) -> None:
    before = told.client.get(told.path).headers["etag"]
    assert told.again(since=EVER) == 0
    assert told.client.get(told.path).headers["etag"] == before


def test_the_answer_to_a_request_that_records_nothing_is_kept_under_its_key(told: Hook) -> None:
    path, headers = f"{told.path}redeliver/", {"Idempotency-Key": f"nothing-{told.id}"}
    first, second = (told.client.post(path, json={"since": EVER}, headers=headers) for _ in range(2))
    assert first.json() == second.json() == {"count": 0}
    assert second.headers["Idempotency-Replayed"] == "true"
    assert told.client.post(path, json={"since": "2021-01-01"}, headers=headers).status_code == 422


def test_a_request_for_a_window_that_is_faulty_is_refused_with_every_fault(told: Hook) -> None:
    path = f"{told.path}redeliver/"
    assert faults(told.client.post(path, json={})) == {"since": "This field is required."}
    wrong = {"since": "soon", "until": 5, "state": "pending", "all": True}
    assert faults(told.client.post(path, json=wrong)).keys() == wrong.keys()
    backwards = {"since": "2024-02-01", "until": "2024-01-01"}
    assert faults(told.client.post(path, json=backwards)) == {"until": "Must be after since."}


def test_nothing_is_made_again_while_the_webhook_is_not_active(told: Hook, people: People) -> None:
    (entry,) = told.told(people("user"))
    told.change(active=False)
    for path, given in (("redeliver/", {"since": EVER}), (f"deliveries/{entry['id']}/redeliver/", {})):
        answer = told.client.post(told.path + path, json=given)
        assert (answer.status_code, "not active" in message(answer)) == (409, True)


def test_who_asked_is_in_the_ledger(told: Hook, people: People, product: Product) -> None:
    (entry,) = told.told(people("user"))
    told.again(since=EVER, reason="Restored from a backup.")
    told.settled(1)
    told.client.post(f"{told.log}{entry['id']}/redeliver/")
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT convert_from(state, 'UTF8')::jsonb FROM ledger.events"
            " WHERE topic = 'webhook.redelivery_requested' ORDER BY position DESC LIMIT 2"
        ).fetchall()
    one, window = (row[0] for row in rows)
    assert one["actor"] == window["actor"] == people.id("quality_manager")
    assert (one["delivery"], one["count"]) == (entry["id"], 1)
    assert (window["since"], window["reason"]) == ("2020-01-01T00:00:00Z", "Restored from a backup.")


def test_the_same_key_asks_once(told: Hook, people: People) -> None:
    told.told(people("user"))
    key: dict[str, Any] = {"headers": {"Idempotency-Key": f"again-{told.id}"}, "json": {"since": EVER}}
    first, second = (told.client.post(f"{told.path}redeliver/", **key) for _ in range(2))
    assert (first.json(), first.status_code) == (second.json(), second.status_code) == ({"count": 1}, 202)
    assert told.client.get(told.path).headers["etag"].startswith('"2-')


def _deviation() -> dict[str, Any]:
    return {
        "title": "Told",
        "description": "Of.",
        "category": "OTHER",
        "classification": "MINOR",
        "department": "Log",
    }
