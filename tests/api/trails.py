"""The audit trail as the API's tests read it."""

from typing import Any

import httpx
import psycopg

from tests.support.product import Client, Product


def head(product: Product) -> int:
    """Return the ledger's end."""
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT size FROM ledger.head").fetchone()
    assert row is not None
    return int(row[0])


def ask(product: Product, client: Client, path: str = "", **params: Any) -> httpx.Response:
    """Ask the trail, once it has come to all that there is."""
    headers = {"X-Min-Position": str(head(product))}
    return client.get(f"/api/audit/{path}", params=params, headers=headers)


def told(product: Product, client: Client, path: str = "", **params: Any) -> list[dict[str, Any]]:
    """Return the first part of the trail that a filter leaves."""
    answer = ask(product, client, path, **params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def last(product: Product, client: Client, **params: Any) -> dict[str, Any]:
    """Return the newest event that a filter leaves."""
    return told(product, client, **params)[0]


def after(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what an event's changes have led to, by field."""
    return {change["field"]: change["after"] for change in entry["changes"]}
