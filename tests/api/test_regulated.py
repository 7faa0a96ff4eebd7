"""What a regulated record says of where it came from, and of what was not changed."""

import json
from typing import Any

import psycopg
import pytest

from tests.api.stories import Story, body
from tests.support.product import People, Product


def _stored(product: Product, position: str) -> dict[str, Any]:
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT state FROM ledger.events WHERE position = %s", (position,)).fetchone()
    assert row is not None
    event: dict[str, Any] = json.loads(bytes(row[0]))
    return event


@pytest.mark.clause("11.10(h)")
def test_every_event_says_from_which_address_and_with_which_token_it_came(people: People, product: Product) -> None:
    made = people("user").post("/api/deviations/", json=body())
    source = _stored(product, made.headers["X-Position"])["source"]
    assert source["address"] == "127.0.0.1"
    assert source["token"]


@pytest.mark.clause("11.10(h)", negative=True)
def test_a_client_can_not_say_where_it_comes_from(people: People, product: Product) -> None:
    """Neither in a header, from an address that is no proxy of ours, nor in the body."""
    made = people("user").post("/api/deviations/", json=body(), headers={"X-Forwarded-For": "203.0.113.9"})
    assert _stored(product, made.headers["X-Position"])["source"]["address"] == "127.0.0.1"
    told = people("user").post("/api/deviations/", json={**body(), "source": {"address": "203.0.113.9"}})
    assert told.status_code == 400


@pytest.mark.clause("Annex 11 § 8.2", negative=True)
def test_a_copy_does_not_say_of_anything_that_it_was_changed_where_it_was_not(people: People) -> None:
    """Neither in a record that nobody edited, whatever steps it took, nor of what stayed in one that was."""
    story = Story(people).assigned()
    copy = people("viewer").get(f"{story.path}copy/").json()
    assert (copy["data_changed"], changed(copy)) == (False, set())
    assert {"title", "description", "investigator"} <= {it["field"] for it in copy["data"]}
    assert people("quality_manager").patch(story.path, json={"title": "Right label", "reason": "x"}).status_code == 200
    copy = people("viewer").get(f"{story.path}copy/").json()
    assert (copy["data_changed"], changed(copy)) == (True, {"title"})


def changed(copy: dict[str, Any]) -> set[str]:
    """Return the fields that somebody entered and that a copy says were changed since."""
    return {it["field"] for it in copy["data"] if it["changed_in"] and not it["derived"]}
