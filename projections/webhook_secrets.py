"""Webhooks' secrets: stored sealed with the fact that makes or rotates them, read back by whoever signs."""

import hmac
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from ledger.append import Statement
from ledger.keys import KeyMissing
from ledger.queries import queries
from ledger.vault import Vault

_SQL = queries("projections", "webhook_secrets")


def store_secret(webhook_id: int, secret: str, vault: Vault) -> Statement:
    """Return what stores a webhook's secret, to be committed with its `webhook.created`."""
    return Statement(_SQL.store, (webhook_id, vault.seal(secret.encode(), _context(webhook_id))))


def rotate_secret(webhook_id: int, secret: str, vault: Vault, overlap_seconds: float) -> Sequence[Statement]:
    """Return what makes another secret sign, and those before it for some seconds more beside it.

    To be committed with the fact that rotates it.
    """
    return Statement(_SQL.retire, (overlap_seconds, webhook_id)), store_secret(webhook_id, secret, vault)


async def read_secrets(connection: AsyncConnection[Any], webhook_id: int, vault: Vault) -> list[str]:
    """Return a webhook's secrets, the newest first; not those that can't be opened, where another one can.

    Raises KeyMissing where all of them were sealed with another key.
    """
    cursor = await connection.execute(_SQL.current, (webhook_id,), prepare=True)
    found, missing = list[str](), None
    for (sealed,) in await cursor.fetchall():
        try:
            found.append(vault.open(sealed, _context(webhook_id)).decode())
        except KeyMissing as lost:
            missing = lost
    if missing is not None and not found:
        raise missing
    return found


async def is_current_secret(connection: AsyncConnection[Any], webhook_id: int, secret: str, vault: Vault) -> bool:
    """Tell whether a secret is the one that signs, and signs on. One that can't be opened is not."""
    row = await (await connection.execute(_SQL.newest, (webhook_id,), prepare=True)).fetchone()
    try:
        return row is not None and hmac.compare_digest(vault.open(row[0], _context(webhook_id)), secret.encode())
    except KeyMissing:
        return False


async def count_secrets(connection: AsyncConnection[Any], webhook_id: int) -> int:
    """Return how many secrets sign for a webhook today."""
    return (await connection.execute(_SQL.current, (webhook_id,), prepare=True)).rowcount


async def forget_secrets(connection: AsyncConnection[Any], webhook_id: int) -> None:
    """Forget the secrets of a webhook that was deleted."""
    await connection.execute(_SQL.forget, (webhook_id,))


async def forget_expired_secrets(connection: AsyncConnection[Any]) -> None:
    """Forget the secrets that sign no more."""
    await connection.execute(_SQL.forget_expired, prepare=True)


def _context(webhook_id: int) -> str:
    return f"webhook/{webhook_id}"
