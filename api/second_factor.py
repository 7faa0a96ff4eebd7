"""One-time codes as a second factor: RFC 6238, six digits of HMAC-SHA1 in steps of 30 seconds, as every app makes them.

Seeds are sealed under the server's key, and committed with the fact that they hold. A code is taken once.
"""

import hmac
import time
from typing import Any, NamedTuple

import pyotp
from psycopg import AsyncConnection

from domain.errors import Conflict
from ledger.append import Statement
from ledger.queries import queries
from ledger.vault import Vault

_SQL = queries("api", "second_factor")
_ISSUER = "Flowledger"
_STEP_SECONDS = 30
#: How many steps the clock of a device may be ahead or behind.
_DRIFT = 1


class Drawn(NamedTuple):
    """A new seed, as it is told once: in letters, and as the address that apps read from a picture."""

    secret: str
    uri: str


async def draw(connection: AsyncConnection[Any], vault: Vault, user: int, username: str) -> Drawn:
    """Draw a seed, which holds once a code of it is shown. Raises Conflict where one holds already."""
    secret = pyotp.random_base32()
    given = {"user": user, "seed": vault.seal(secret.encode(), _context(user))}
    if await (await connection.execute(_SQL.draw, given)).fetchone() is None:
        raise Conflict("One-time codes are set up already; remove them first.")
    return Drawn(secret, pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=_ISSUER))


async def drawn(connection: AsyncConnection[Any], user: int) -> bytes | None:
    """Return the sealed seed that was drawn last and does not hold yet."""
    row = await (await connection.execute(_SQL.drawn, (user,))).fetchone()
    return bytes(row[0]) if row else None


def confirmed(user: int, seed: bytes, step: int) -> Statement:
    """Return what is committed with the fact that a sealed seed holds; the code of this step is spent with it."""
    return Statement(_SQL.confirm, {"user": user, "seed": seed, "step": step})


def forget(user: int) -> Statement:
    """Return what leaves nothing of a user's seed: committed with its removal, and with an erasure."""
    return Statement(_SQL.forget, (user,))


def step_of(vault: Vault, user: int, seed: bytes, code: str) -> int | None:
    """Return the step that a code is of, around now; None where it is of none.

    Raises KeyMissing where the seed was sealed with another key.
    """
    codes = pyotp.TOTP(vault.open(seed, _context(user)).decode())
    now = int(time.time()) // _STEP_SECONDS
    found = None
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        # The newest of them, each compared whole: how long it takes tells nothing.
        if hmac.compare_digest(codes.generate_otp(step).encode(), code.encode()):
            found = step
    return found


async def spend(connection: AsyncConnection[Any], user: int, step: int) -> bool:
    """Take the code of a step; False where it, or a later one, was taken before, by whichever process."""
    return (await connection.execute(_SQL.spend, {"user": user, "step": step})).rowcount == 1


def _context(user: int) -> str:
    return f"second_factor/{user}"
