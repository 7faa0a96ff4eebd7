"""Who users are: folded from their own streams, kept until one of them changes."""

from collections.abc import Iterable
from typing import Any

from psycopg import AsyncConnection

from domain.events import stream_id
from domain.platform.users import USERS, User
from ledger.codec import Codec
from projections.streams import histories

_MOST = 50_000


class People:
    """Users by id, read from the ledger itself: never behind it. `forget` when users' facts come in."""

    def __init__(self, codec: Codec) -> None:
        """Begin knowing nobody."""
        self._codec = codec
        self._known: dict[int, User] = {}

    def forget(self) -> None:
        """Read everybody again when next asked."""
        self._known = {}

    def known(self, user: int) -> User | None:
        """Return a user that is known already; asks nobody."""
        return self._known.get(user)

    async def get(self, connection: AsyncConnection[Any], ids: Iterable[int]) -> dict[int, User]:
        """Return users by id, those there are; one query for all that are not known."""
        wanted = set(ids)
        missing = wanted - self._known.keys()
        if missing:
            if len(self._known) > _MOST:
                self.forget()
            known = self._known  # Forgotten while we read: then what is read is used once, and not kept.
            known.update(await self._read(connection, missing))
            return {user: known[user] for user in wanted if user in known}
        return {user: self._known[user] for user in wanted if user in self._known}

    async def _read(self, connection: AsyncConnection[Any], ids: set[int]) -> dict[int, User]:
        found = await histories(connection, self._codec, [stream_id(USERS.kind, user) for user in ids])
        users = [USERS.fold(events) for events in found.values()]
        return {user.id: user for user in users if user is not None}
