"""The administrator: made on the first start, and whoever forgot a password."""

import os
import secrets
import tempfile
import uuid
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace
from psycopg import AsyncConnection

from api.auth import Passwords, credentials, made_up, new_password, password_hash_of, user_id_of
from api.user_facts import SYSTEM, UserFacts
from domain.errors import InvalidInput
from domain.events import Attempt, Event, stream_id
from domain.platform.passwords import password_faults
from domain.platform.roles import ADMINISTRATOR
from domain.platform.users import USERS, UserCreated
from ledger.append import Allotment, Append, Plan, Proposed
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import KeyMissing, Keys, Vault
from ledger.writer import Writer
from projections.standing import Standing

NAME = "admin"
_SYSTEM = Attempt(actor=SYSTEM)


class Credentials(NamedTuple):
    """The administrator's, as told once; `made_up`: nobody else knows the password yet."""

    username: str
    password: str
    made_up: bool


class Untold:
    """The file of a made-up password that nobody was told yet: written before it holds, removed once it is told."""

    def __init__(self, folder: Path) -> None:
        """Keep the file in a folder; whoever makes the folder makes it private."""
        self._path = folder / "administrator.password"

    def read(self) -> str | None:
        """Return the password that is still to be told, None where there is none."""
        try:
            return self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None

    def make(self) -> str:
        """Make a password up and keep it; return the one that is kept already where somebody was first."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Its mode is 0600 from the start; it appears under its name whole, on the disk, and never in another's place.
        with tempfile.NamedTemporaryFile("w", encoding="ascii", dir=self._path.parent, prefix="password-") as draft:
            draft.write(secrets.token_urlsafe(12))
            draft.flush()
            os.fsync(draft.fileno())
            with suppress(FileExistsError):
                os.link(draft.name, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._path.read_text(encoding="ascii")

    def forget(self) -> None:
        """Remove it: told, or of no use."""
        self._path.unlink(missing_ok=True)


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
    connection = await connect(url, "administrator")
    writer = Writer(lambda: connect(url, "administrator"))
    codec = Codec(Vault(keys))
    try:
        standing = Standing(codec)
        await standing.load(connection)
        new = password or made_up(standing.settings)
        faults = password_faults(new, username, standing.settings)
        if faults:
            raise InvalidInput(faults)
        number = await user_id_of(connection, keys, username)
        if number is None:
            raise LookupError(f"There is no user {username}.")
        attempt, step = replace(_SYSTEM, comment="reset at the command line"), USERS.step("change_password")
        facts = UserFacts(lambda: nullcontext(connection), writer, codec)
        statements = new_password(number, await Passwords().hash(new))
        await facts.record(number, lambda user: [USERS.decide(step, user, attempt, {})], statements)
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
