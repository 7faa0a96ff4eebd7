"""The administrator: made on the first start, and whoever forgot a password."""

import os
import secrets
import uuid
from typing import NamedTuple

from api.auth import Passwords, credentials, new_password, password_faults, user_id_of
from domain.errors import InvalidInput
from domain.events import Actor, Attempt, Event, stream_id
from domain.platform.roles import ADMINISTRATOR
from domain.platform.users import USERS, UserCreated, UserPasswordChanged
from ledger.append import Allotment, Append, Plan, Proposed
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys, Vault
from ledger.read import head_size, read_stream
from ledger.writer import Writer

NAME = "admin"
_SYSTEM = Attempt(actor=Actor(id=None, administrator=True))


class Credentials(NamedTuple):
    """The administrator's, as told once; `made_up`: nobody else knows the password yet."""

    username: str
    password: str
    made_up: bool


async def ensure_administrator(url: str, keys: Keys, given: str | None) -> Credentials | None:
    """Make the administrator in an empty ledger; None where there is one already."""
    connection = await connect(url, "administrator")
    writer = Writer(lambda: connect(url, "administrator"))
    try:
        if await user_id_of(connection, keys, NAME) is not None or await head_size(connection):
            return None
        password = given or secrets.token_urlsafe(12)
        await _create(writer, keys, password)
        return Credentials(NAME, password, given is None)
    finally:
        await writer.close()
        await connection.close()


async def reset_password(url: str, keys: Keys, username: str, password: str | None) -> str:
    """Give a user a new password, made up where none is given; return it.

    Raises InvalidInput for a password that the rules refuse, LookupError where there is no such user.
    """
    new = password or secrets.token_urlsafe(12)
    faults = password_faults(new, username)
    if faults:
        raise InvalidInput(faults)
    connection = await connect(url, "administrator")
    writer = Writer(lambda: connect(url, "administrator"))
    try:
        user = await user_id_of(connection, keys, username)
        if user is None:
            raise LookupError(f"There is no user {username}.")
        hashed = await Passwords().hash(new)
        stream = stream_id("user", user)
        version = len(await read_stream(connection, stream)) + 1
        event = UserPasswordChanged(comment="reset at the command line")
        state = Codec(Vault(keys)).encode(event)
        plan = Plan([Proposed(stream, version, event.topic, state)], [new_password(user, hashed)])
        await writer.append(Append(lambda _: plan, [(stream, version)]))
        return new
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
