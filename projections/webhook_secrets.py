"""Webhooks' secrets: stored sealed with the fact that makes the webhook, read back by whoever signs."""

from typing import Any

from psycopg import AsyncConnection

from ledger.append import Statement
from ledger.keys import Vault
from ledger.queries import queries

_SQL = queries("projections", "webhook_secrets")


def store_secret(webhook_id: int, secret: str, vault: Vault) -> Statement:
    """Return what stores a webhook's secret, to be committed with its `webhook.created`."""
    return Statement(_SQL.store, (webhook_id, vault.seal(secret.encode(), _context(webhook_id))))


async def read_secrets(connection: AsyncConnection[Any], webhook_id: int, vault: Vault) -> list[str]:
    """Return a webhook's secrets, the newest first. Raises KeyMissing where they were sealed with another key."""
    cursor = await connection.execute(_SQL.current, (webhook_id,), prepare=True)
    return [vault.open(sealed, _context(webhook_id)).decode() for (sealed,) in await cursor.fetchall()]


def _context(webhook_id: int) -> str:
    return f"webhook/{webhook_id}"
