"""What is configured and what roles grant: folded from their own streams, kept until one of them changes."""

from collections.abc import Iterable
from typing import Any

from psycopg import AsyncConnection

from domain.events import Actor, stream_id
from domain.platform.roles import BUILT_IN, RESERVED, ROLES, Role, built_in
from domain.platform.settings import SETTINGS, Configuration, SystemSettings
from domain.platform.users import User
from ledger.codec import Codec
from ledger.queries import queries
from projections.streams import histories

_SQL = queries("projections", "standing")


async def settings_now(connection: AsyncConnection[Any], codec: Codec) -> SystemSettings:
    """Return the system settings as they stand."""
    before = Configuration()
    events = (await histories(connection, codec, [before.stream]))[before.stream]
    return (SETTINGS.fold(events) or before).settings


class Standing:
    """The system settings and the roles, read from the ledger itself: never behind it.

    `load` before they are asked for; `forget` when a fact of theirs comes in.
    """

    def __init__(self, codec: Codec) -> None:
        """Begin with what the product comes with."""
        self._codec = codec
        self._loaded = False
        self._told = 0
        self.configuration = Configuration()
        self._roles = _by_name(role for role in map(built_in, range(1, len(BUILT_IN) + 1)) if role is not None)
        self._granted: dict[frozenset[str], frozenset[str]] = {}

    @property
    def settings(self) -> SystemSettings:
        """The settings as they stand."""
        return self.configuration.settings

    @property
    def roles(self) -> list[Role]:
        """Every role, by id."""
        return sorted(self._roles.values(), key=lambda role: role.id)

    def role(self, name: str) -> Role | None:
        """Return the role of a name."""
        return self._roles.get(name)

    def granted(self, roles: Iterable[str]) -> frozenset[str]:
        """Return the union of the permissions of roles; a role that is not known grants nothing."""
        names = frozenset(roles)
        found = self._granted.get(names)
        if found is None:
            found = frozenset().union(*(self._roles[name].permissions for name in names if name in self._roles))
            if names <= self._roles.keys():  # There is no end to names that somebody may invent.
                self._granted[names] = found
        return found

    def actor(self, user: User) -> Actor:
        """Return a user as the rules see who acts."""
        return user.actor(self.granted)

    def forget(self) -> None:
        """Read everything again before it is next asked for."""
        self._loaded = False
        self._told += 1

    @property
    def loaded(self) -> bool:
        """Whether what is known holds."""
        return self._loaded

    async def load(self, connection: AsyncConnection[Any]) -> None:
        """Read settings and roles where something about them changed."""
        if self._loaded:
            return
        told = self._told
        row = await (await connection.execute(_SQL.roles)).fetchone()
        made = int(row[0]) if row else 0
        numbers = [*range(1, len(BUILT_IN) + 1), *range(RESERVED + 1, RESERVED + made + 1)]
        natives = {stream_id(ROLES.kind, number): built_in(number) for number in numbers}
        settings = Configuration()
        found = await histories(connection, self._codec, [settings.stream, *natives])
        self.configuration = SETTINGS.fold(found[settings.stream]) or settings
        roles = [ROLES.fold(found[stream]) or native for stream, native in natives.items()]
        self._roles = _by_name(role for role in roles if role is not None)
        self._granted = {}
        self._loaded = told == self._told  # Forgotten while we read: then what is read is read again.


def _by_name(roles: Iterable[Role]) -> dict[str, Role]:
    return {role.name: role for role in roles}
