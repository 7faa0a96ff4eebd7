"""Files as the API's tests attach them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.product import Client, Product

PDF = b"%PDF-1.7 not really\n"


def attach(
    client: Client,
    path: str,
    content: bytes = PDF,
    name: str = "log.pdf",
    media_type: str = "application/pdf",
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    """Ask for a file to be attached to the record at a path."""
    given = {"file": (name, content, media_type)}
    return client.post(f"{path}attachments/", files=given, data=fields, headers=headers or {})


def attached(client: Client, path: str, content: bytes = PDF, name: str = "log.pdf", **given: Any) -> dict[str, Any]:
    """Attach a file."""
    answer = attach(client, path, content, name, **given)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@contextmanager
def configured(product: Product, **changes: Any) -> Iterator[None]:
    """Have system settings as a test needs them, for a while."""
    admin = product.admin()
    before = admin.get("/api/config/system/").json()

    def put(given: dict[str, Any]) -> None:
        answer = admin.put("/api/config/system/", json={**given, "reason": "a test"})
        assert answer.status_code == 200, answer.text

    put(changes)
    try:
        yield
    finally:
        put({name: before[name] for name in changes})


def stored(product: Product) -> list[Path]:
    """Return the files in the product's store, drafts too."""
    return [path for path in (product.data / "files").rglob("*") if path.is_file()]
