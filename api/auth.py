"""Passwords: argon2id, their rules, and the statements that keep them beside the facts they belong to."""

import asyncio
import secrets
import unicodedata
from typing import Any

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg import AsyncConnection

from domain.errors import Fault
from domain.platform.users import fold_name
from ledger.append import Statement
from ledger.keys import Keys
from ledger.queries import queries

_SQL = queries("api", "auth")
_SHORTEST, LONGEST = 8, 1024
_AT_ONCE = 2


class Passwords:
    """argon2id, 19 MiB and 2 passes, a bounded number at once: sign-ins may queue, they may not use up the machine."""

    def __init__(self) -> None:
        """Prepare a hash to compare with where there is no user: an answer must not take less time then."""
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._nobody: str | None = None

    async def prepare(self) -> None:
        """Make the hash that nobody's password has, so that the first sign-in takes no longer than others."""
        if self._nobody is None:
            self._nobody = await self.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        """Return the hash to store: of the text in NFC, whichever way a keyboard composes it."""
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, unicodedata.normalize("NFC", password))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Tell whether a password is the stored one; False, after the same time, where none is stored."""
        await self.prepare()
        given = unicodedata.normalize("NFC", password[:LONGEST])
        async with self._gate:
            good = await asyncio.to_thread(self._verify, stored or self._nobody or "", given)
        return good and stored is not None and len(password) <= LONGEST

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def password_faults(password: str, username: str, path: str = "password") -> list[Fault]:
    """Return what is wrong with a new password."""
    faults = []
    if len(password) < _SHORTEST:
        faults.append(Fault(path, f"At least {_SHORTEST} characters."))
    if fold_name(password) == fold_name(username):
        faults.append(Fault(path, "The password may not be the user name."))
    return faults


async def user_id_of(connection: AsyncConnection[Any], keys: Keys, username: str) -> int | None:
    """Return the user whose name this is, also of one who can not sign in any more."""
    row = await (await connection.execute(_SQL.user_of_name, (keys.name_hash(fold_name(username)),))).fetchone()
    return int(row[0]) if row else None


async def password_hash_of(connection: AsyncConnection[Any], user: int) -> str | None:
    """Return a user's stored password hash."""
    row = await (await connection.execute(_SQL.password_hash, (user,))).fetchone()
    return str(row[0]) if row else None


async def stored_credentials(connection: AsyncConnection[Any], keys: Keys, username: str) -> tuple[int, str | None]:
    """Return the user whose name this is and the password's hash; 0 and None for nobody, after the same one query."""
    cursor = await connection.execute(_SQL.credentials, (keys.name_hash(fold_name(username)),))
    row = await cursor.fetchone()
    return (int(row[0]), row[1]) if row else (0, None)


def credentials(keys: Keys, user: int, username: str, password_hash: str) -> list[Statement]:
    """Return what is committed with a new user: the name, taken for ever, and the password's hash."""
    return [
        Statement(_SQL.take_name, (keys.name_hash(fold_name(username)), user)),
        new_password(user, password_hash),
    ]


def new_password(user: int, password_hash: str) -> Statement:
    """Return what is committed with a changed password: every refresh token of the user's is dead with the old one."""
    return Statement(_SQL.set_password, {"user": user, "hash": password_hash})
