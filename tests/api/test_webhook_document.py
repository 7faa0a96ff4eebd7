"""The document's webhook, in a product that is configured as it comes."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.database import Server
from tests.support.product import Product, running, until

EXAMPLE: dict[str, Any] = {
    "url": "https://your-system.com/webhook",
    "events": ["deviation.created", "capa.closed"],
    "secret": "your_webhook_secret",
}


@pytest.fixture(scope="module")
def plain(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that sends to no private address, and in which an old secret soon signs no more."""
    data = tmp_path_factory.mktemp("plain")
    env = {"FLOWLEDGER_WEBHOOK_ALLOW_PRIVATE": "", "FLOWLEDGER_WEBHOOK_OVERLAP_SECONDS": "1"}
    with server.database() as made, running(data, made.app_dsn, made.owner_dsn, **env) as it:
        yield it


def test_the_example_works_as_printed(plain: Product) -> None:
    answer = plain.admin().post("/api/webhooks/", json=EXAMPLE)
    assert answer.status_code == 201, answer.text
    assert answer.json().items() >= {"url": EXAMPLE["url"], "events": EXAMPLE["events"], "active": True}.items()


def test_it_may_not_go_to_a_private_address_whatever_way_it_came_there(plain: Product) -> None:
    admin = plain.admin()
    made = admin.post("/api/webhooks/", json=EXAMPLE).json()
    for url in ("http://your-system.com/webhook", "https://10.0.0.1/", "https://localhost/"):
        assert admin.post("/api/webhooks/", json={**EXAMPLE, "url": url}).status_code == 400
        assert admin.put(f"/api/webhooks/{made['id']}/", json={"url": url}).status_code == 400


def test_after_the_overlap_an_old_secret_is_in_the_database_no_more(plain: Product) -> None:
    admin = plain.admin()
    made = admin.post("/api/webhooks/", json=EXAMPLE).json()
    assert admin.post(f"/api/webhooks/{made['id']}/rotate/").json()["overlap_seconds"] == 1
    with psycopg.connect(plain.env["DATABASE_URL"], autocommit=True) as connection:

        def left() -> bool:
            query = "SELECT expires_at FROM ops.webhook_secrets WHERE webhook_id = %s"
            return connection.execute(query, (made["id"],)).fetchall() == [(None,)]

        until(left, says="forgetting the old secret")
