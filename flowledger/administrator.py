"""The administrator: made on the first start, and whoever forgot a password."""

import os
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, NamedTuple

from msgspec.structs import replace
from psycopg import AsyncConnection

from api import second_factor
from api.auth import (
    Passwords,
    credentials,
    made_up,
    new_password,
    password_hash_of,
    user_id_of,
)
from api.sessions import end_all
from api.user_facts import SYSTEM, UserFacts
from domain.errors import InvalidInput
from domain.events import Attempt, Event, stream_id
from domain.platform.passwords import password_faults
from domain.platform.roles import ADMINISTRATOR
from domain.platform.users import USERS, UserCreated
from flowledger.untold import Untold
from ledger.append import Allotment, Append, Plan, Proposed
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import KeyMissing, Keys
from ledger.vault import Vault
from ledger.writer import Writer
from projections.standing import Standing

NAME = "admin"
_SYSTEM = Attempt(actor=SYSTEM)
_BY_COMMAND = "reset at the command line"


class Credentials(NamedTuple):
    """The administrator's, as told once; `made_up`: nobody else knows the password yet."""

    username: str
    password: str
    made_up: bool


async def ensure_administrator(
    url: str, keys: Keys, given: str | None, untold: Untold | None = None
) -> Credentials | None:
    """Make the administrator where there is none; return the credentials that are still to be told, or None.

    A made-up password stays in `untold` until whoever told it says so: one that was never told is returned again.
    Raises KeyMissing where there are users and none is known as the administrator: the keys are not theirs.
    """
    connection = await connect(url, "administrator")
    writer = Writer(lambda: connect(url, "administrator"))
    try:
        user = await user_id_of(connection, keys, NAME)
        if user is not None:
            return await _still_to_tell(connection, user, untold)
        others = await connection.execute("SELECT FROM ops.usernames LIMIT 1")
        if await others.fetchone() is not None:
            raise KeyMissing(
                f"There are users, but no {NAME}: the folder of keys is not the one that was used for them."
            )
        if given is not None:
            if untold is not None:
                untold.forget()
            password = given
        else:
            password = untold.make() if untold is not None else secrets.token_urlsafe(12)
        await _create(writer, keys, password)
        return Credentials(NAME, password, given is None)
    finally:
        await writer.close()
        await connection.close()


async def _still_to_tell(connection: AsyncConnection[Any], user: int, untold: Untold | None) -> Credentials | None:
    password = untold.read() if untold is not None else None
    if untold is None or password is None:
        return None
    if await Passwords().matches(password, await password_hash_of(connection, user)):
        return Credentials(NAME, password, made_up=True)
    untold.forget()  # It was changed since, or somebody else's was committed.
    return None


async def reset_password(url: str, keys: Keys, username: str, password: str | None) -> str:
    """Give a user a new password, made up where none is given, and unlock him; return it. His sessions end.

    Raises InvalidInput for a password that the rules refuse, LookupError where there is no such user.
    """
    async with _user(url, keys, username) as user:
        standing = Standing(user.codec)
        await standing.load(user.connection)
        rules = standing.settings
        new = password or made_up(rules)
        faults = password_faults(new, username, rules)
        if faults:
            raise InvalidInput(faults)
        attempt, step = replace(_SYSTEM, comment=_BY_COMMAND), USERS.step("change_password")
        statements = new_password(user.id, await Passwords().hash(new))
        await user.facts.record(user.id, lambda it: [USERS.decide(step, it, attempt, {})], statements)
        return new


async def reset_totp(url: str, keys: Keys, username: str, reason: str) -> None:
    """Remove the one-time codes of a user who has lost what makes them; his sessions end.

    Raises LookupError where there is no such user, Conflict where he has none, InvalidInput without a reason.
    """
    async with _user(url, keys, username) as user:
        attempt = replace(_SYSTEM, reason=reason.strip() or None, comment=_BY_COMMAND)
        step = USERS.step("remove_second_factor")
        statements = [second_factor.forget(user.id), end_all(user.id)]
        await user.facts.record(user.id, lambda it: [USERS.decide(step, it, attempt, {})], statements)


class _User(NamedTuple):
    """A user as the command line works on him."""

    id: int
    connection: AsyncConnection[Any]
    codec: Codec
    facts: UserFacts


@asynccontextmanager
async def _user(url: str, keys: Keys, username: str) -> AsyncIterator[_User]:
    """Lend a user by his name. Raises LookupError where there is none."""
    connection = await connect(url, "administrator")
    writer = Writer(lambda: connect(url, "administrator"))
    codec = Codec(Vault(keys))
    try:
        number = await user_id_of(connection, keys, username)
        if number is None:
            raise LookupError(f"There is no user {username}.")
        yield _User(number, connection, codec, UserFacts(lambda: nullcontext(connection), writer, codec))
    finally:
        await writer.close()
        await connection.close()


async def _create(writer: Writer, keys: Keys, password: str) -> None:
    vault = Vault(keys)
    codec = Codec(vault)
    person = uuid.UUID(bytes=os.urandom(16), version=4)
    hashed = await Passwords().hash(password)
    data = {
        "name": vault.personal(person, "name", {"username": NAME, "first_name": "", "last_name": ""}),
        "contact": vault.personal(person, "contact", {"email": ""}),
        "roles": (ADMINISTRATOR,),
    }

    def plan(allotment: Allotment) -> Plan:
        number = allotment.next(UserCreated.numbered["id"])
        event: Event = USERS.create(_SYSTEM, {**data, "id": number})
        proposed = Proposed(stream_id("user", number), 1, event.topic, codec.encode(event))
        return Plan([proposed], credentials(keys, number, NAME, hashed))

    await writer.append(Append(plan))
