"""Erasing a person at the command line, and what is still kept of those who were."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import structlog
from msgspec import Struct
from psycopg import AsyncConnection

from api.auth import user_id_of
from api.erasing import erased
from api.kept_answers import unname
from api.user_facts import SYSTEM, UserFacts
from domain.events import Attempt, Recorded, stream_id
from domain.platform.erased import UserErased, UserNameErased
from domain.platform.erasing import check_reason
from domain.platform.users import ERASED, USERS, User
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.vault import Vault
from ledger.writer import Writer
from projections.erasures import Erasures
from projections.kept import Kept, kept, streams_of
from projections.streams import histories
from projections.user_queries import another_administrator

log = structlog.get_logger(__name__)

_COMMENT = "erased at the command line"


class Erasure(Struct, frozen=True, kw_only=True):
    """An erased user, or one who is to be: what went at once, and what keeps the printed name, if anything does.

    name_erased_at: since when the printed name can be read no more either; `kept` is then empty. vacuumed: whether the
    server was made to let go of sealed bytes that were replaced.
    """

    id: int
    shown_as: str
    erased_at: datetime | None
    name_erased_at: datetime | None
    kept: Kept
    vacuumed: bool = False


class _Found(NamedTuple):
    user: User
    events: Sequence[Recorded]


class Privacy:
    """Looks at people, and erases them."""

    def __init__(self, connection: AsyncConnection[Any], writer: Writer, keys: Keys) -> None:
        """Work on one connection."""
        self._connection = connection
        self._writer = writer
        self._codec = Codec(Vault(keys))
        self._erasures = Erasures(self._connections, writer, self._codec, now=lambda: datetime.now(UTC))

    async def look(self, name: str) -> Erasure:
        """Return what would stay, or stays, of who has an id or a user name. Raises LookupError for nobody's."""
        return (await self._told([(await self._find(name)).user.id]))[0]

    async def erase(self, name: str, reason: str) -> Erasure:
        """Erase somebody; whoever is erased already is looked after once more.

        Raises LookupError for nobody, InvalidInput for a reason that names the person, Conflict for the last active
        administrator.
        """
        user, events = await self._find(name)
        if user.status != ERASED:
            check_reason(reason, events)
            await self._record(user, Attempt(actor=SYSTEM, reason=reason, comment=_COMMENT))
        await self._erasures.settle(user.id)
        await unname(self._connection, self._codec.vault, {user.id})
        return (await self._told([user.id]))[0]

    async def due(self) -> list[Erasure]:
        """Return everybody who was erased, by id."""
        return await self._told(await self._erasures.users())

    async def _record(self, user: User, attempt: Attempt) -> None:
        facts = UserFacts(self._connections, self._writer, self._codec)
        step = USERS.step("erase")
        await facts.record(user.id, lambda it: [USERS.decide(step, it, attempt, {})], erased(user), self._others)

    async def _others(self, connection: AsyncConnection[Any], it: User) -> Sequence[User]:
        return [await another_administrator(connection, self._codec, it)] if it.administers else ()

    async def _told(self, users: Sequence[int]) -> list[Erasure]:
        streams = await streams_of(self._connection, users)
        return [await self._one(user, streams[user]) for user in users]

    async def _one(self, user: int, streams: Sequence[UUID]) -> Erasure:
        events = await self._events(user)
        at = {type(it.event): it.at for it in events}
        gone = at.get(UserNameErased)
        return Erasure(
            id=user,
            shown_as=f"erased user {user}",
            erased_at=at.get(UserErased),
            name_erased_at=gone,
            kept=Kept(until=None, records=()) if gone else await kept(self._connection, self._codec, streams),
        )

    async def _find(self, name: str) -> _Found:
        by_name = await user_id_of(self._connection, self._codec.vault.keys, name)
        by_id = int(name) if name.isascii() and name.isdigit() and len(name) < 19 else None
        if by_id is not None and by_name is not None and by_id != by_name:
            # Nothing can be taken back here: so it is not guessed which of them is meant.
            raise LookupError(f"{name} is the name of user {by_name}: say user/{by_name}, or user/{name} for the id.")
        number = by_name or by_id or _by_path(name)
        events = await self._events(number) if number else []
        user = USERS.fold(events)
        if user is None:
            raise LookupError(f"There is no user {name}.")
        return _Found(user, events)

    async def _events(self, user: int) -> list[Recorded]:
        stream = stream_id(USERS.kind, user)
        return (await histories(self._connection, self._codec, [stream]))[stream]

    @property
    def _connections(self) -> Callable[[], nullcontext[AsyncConnection[Any]]]:
        return lambda: nullcontext(self._connection)


def _by_path(name: str) -> int | None:
    kind, _, number = name.partition("/")
    return int(number) if kind == USERS.kind and number.isascii() and number.isdigit() and len(number) < 19 else None


def let_go(owner_url: str) -> bool:
    """Have the server let go of bytes that were sealed anew, and of WAL that holds them; tell whether it has.

    What is archived or backed up is out of reach, and so is the WAL where the owner has not the right.
    """
    try:
        with psycopg.connect(owner_url, autocommit=True) as connection:
            connection.execute("VACUUM ops.answers, ops.delivery_bodies")
            with suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT pg_switch_wal()")
                connection.execute("CHECKPOINT")
    except psycopg.Error as error:
        log.warning("not_vacuumed", error=str(error))
        return False
    return True


@asynccontextmanager
async def privacy(url: str, keys: Keys) -> AsyncIterator[Privacy]:
    """Work on a database for a while."""
    connection = await connect(url, "privacy")
    writer = Writer(lambda: connect(url, "privacy"))
    try:
        yield Privacy(connection, writer, keys)
    finally:
        await writer.close()
        await connection.close()
