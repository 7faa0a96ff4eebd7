"""Passwords: argon2id, and the statements that keep them beside the facts they belong to."""

import asyncio
import secrets
import unicodedata
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg import AsyncConnection

from api.sessions import end_all
from domain.errors import Fault, InvalidInput
from domain.platform.passwords import KINDS, LONGEST, too_old
from domain.platform.settings import SystemSettings
from domain.platform.users import fold_name
from ledger.append import Statement
from ledger.keys import Keys
from ledger.queries import queries

_SQL = queries("api", "auth")
_AT_ONCE = 2
_MADE_UP = 12
#: How many passwords are remembered beside the present one.
_REMEMBERED = 23


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


async def check_reuse(
    connection: AsyncConnection[Any], passwords: Passwords, rules: SystemSettings, user: int, new: str
) -> None:
    """Raise InvalidInput where a `new_password` is one of the user's last ones: as many as the rules say are compared.

    For the user's own changes alone, once he has proven who he is, and with all else found good: whoever else asked
    would learn which passwords were his.
    """
    most = rules.password_history
    row = await (await connection.execute(_SQL.last_passwords, {"user": user, "most": most})).fetchone()
    for stored in row[0] if row else ():
        if await passwords.matches(new, stored):
            than = "" if most == 1 else f" than the last {most}"
            raise InvalidInput([Fault("new_password", f"The new password must be another one{than}.")])


async def expired(connection: AsyncConnection[Any], user: int, rules: SystemSettings) -> bool:
    """Tell whether a user's password is so old that a new one has to be set."""
    if not rules.password_max_age_days:
        return False
    row = await (await connection.execute(_SQL.password_age, (user,))).fetchone()
    return row is not None and too_old(row[0], datetime.now(UTC), rules)


def made_up(rules: SystemSettings) -> str:
    """Return a password that nobody has thought of and the rules take."""
    chance = secrets.SystemRandom()
    drawn = [chance.choice(kind.examples) for kind in KINDS]
    drawn += chance.choices("".join(kind.examples for kind in KINDS), k=max(rules.password_min_length, _MADE_UP))
    chance.shuffle(drawn)
    return "".join(drawn)


async def user_id_of(connection: AsyncConnection[Any], keys: Keys, username: str) -> int | None:
    """Return the user whose name this is, also of one who can not sign in any more."""
    row = await (await connection.execute(_SQL.user_of_name, (keys.name_hash(fold_name(username)),))).fetchone()
    return int(row[0]) if row else None


async def password_hash_of(connection: AsyncConnection[Any], user: int) -> str | None:
    """Return a user's stored password hash."""
    row = await (await connection.execute(_SQL.password_hash, (user,))).fetchone()
    return str(row[0]) if row else None


def credentials(keys: Keys, user: int, username: str, password_hash: str, *, active: bool = True) -> list[Statement]:
    """Return what is committed with a new user: the name, taken for ever, and the password's hash."""
    return [
        Statement(_SQL.take_name, (keys.name_hash(fold_name(username)), user)),
        _set_password(user, password_hash),
        set_active(user, active=active),
    ]


def still(user: int, password_hash: str) -> Statement:
    """Return what fails an append, with DivisionByZero, where a password is not the one of this hash any more."""
    return Statement(_SQL.still, {"user": user, "hash": password_hash})


def new_password(user: int, password_hash: str, kept: UUID | None = None) -> list[Statement]:
    """Return what is committed with a changed password: who signed in with the old one is not any more, but in the
    kept session; and nothing stands against the new one.
    """
    # The order matters: a sign-in with the old one that is under way is waited for by the first, and ended by the last.
    return [_set_password(user, password_hash), unlock(user), end_all(user, kept)]


def set_active(user: int, *, active: bool) -> Statement:
    """Return what is committed with whether a user can sign in; see `end_all` for who did already."""
    return Statement(_SQL.set_active, {"user": user, "active": active})


def unlock(user: int) -> Statement:
    """Return what is committed with an unlocking: nothing stands against the user's password any more."""
    return Statement(_SQL.unlock, (user,))


def _set_password(user: int, password_hash: str) -> Statement:
    return Statement(_SQL.set_password, {"user": user, "hash": password_hash, "kept": _REMEMBERED})
