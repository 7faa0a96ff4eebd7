"""Users: who may sign in, with which roles. A user is never removed, and a name is never given twice."""

import unicodedata
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from domain.events import Actor, Event, Personal, Recorded, fact
from domain.platform.roles import ADMINISTRATOR, ROLES, permissions_of
from domain.workflow import Step, Who, Workflow

ACTIVE, INACTIVE = "active", "inactive"


class User(Struct, frozen=True, kw_only=True):
    """A user as folded from events. The values of name and contact are None once erased."""

    id: int
    stream: UUID
    version: int
    status: str
    name: Personal
    contact: Personal
    department: str
    roles: tuple[str, ...]
    joined_at: datetime

    def actor(self) -> Actor:
        """Return the user as the rules see who acts."""
        return Actor(
            id=self.id,
            permissions=permissions_of(self.roles),
            department=self.department,
            administrator=ADMINISTRATOR in self.roles,
        )


@fact("user.created", numbered={"id": "user"})
class UserCreated(Event, frozen=True, kw_only=True):
    """A person, or a machine, may sign in from now on. The password is not here."""

    id: int = 0
    name: Personal
    contact: Personal
    department: str = ""
    roles: tuple[str, ...] = ()


@fact("user.updated")
class UserUpdated(Event, frozen=True, kw_only=True):
    """What is known of a user, or what he may do, was changed."""

    name: Personal | UnsetType = UNSET
    contact: Personal | UnsetType = UNSET
    department: str | UnsetType = UNSET
    roles: tuple[str, ...] | UnsetType = UNSET


@fact("user.password_changed")
class UserPasswordChanged(Event, frozen=True, kw_only=True):
    """A new password holds from now on. The password is not here."""


@fact("user.deactivated")
class UserDeactivated(Event, frozen=True, kw_only=True):
    """The user can not sign in any more."""


@fact("user.activated")
class UserActivated(Event, frozen=True, kw_only=True):
    """The user can sign in again."""


def evolve(user: User | None, recorded: Recorded) -> User:
    """Fold one event into a user. Total: an event that says nothing of the fields moves the version on alone."""
    event = recorded.event
    if isinstance(event, UserCreated):
        return User(
            id=event.id,
            stream=recorded.stream,
            version=recorded.version,
            status=ACTIVE,
            name=event.name,
            contact=event.contact,
            department=event.department,
            roles=event.roles,
            joined_at=recorded.at,
        )
    assert user is not None  # noqa: S101 - a stream begins with its creation: the ledger demands the next version.
    changed = _changed(event) if isinstance(event, UserUpdated) else {}
    return replace(user, version=recorded.version, status=event.to_state or user.status, **changed)


def _changed(event: UserUpdated) -> dict[str, Any]:
    given = {name: getattr(event, name) for name in ("name", "contact", "department", "roles")}
    return {name: value for name, value in given.items() if value is not UNSET}


def fold_name(username: str) -> str:
    """Return what makes two user names the same: NFKC, then case-folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


_MANAGES: Who[User] = Who("user.manage", "who manages users")

USERS: Workflow[User] = Workflow(
    kind="user",
    states=(ACTIVE, INACTIVE),
    creation=Step("create", (), ACTIVE, UserCreated, (_MANAGES,), requires=("name",)),
    steps=(
        Step("update", (ACTIVE, INACTIVE), None, UserUpdated, (_MANAGES,), edit=True),
        Step("change_password", (ACTIVE, INACTIVE), None, UserPasswordChanged, (_MANAGES,), edit=True),
        Step("deactivate", (ACTIVE,), INACTIVE, UserDeactivated, (_MANAGES,)),
        Step("activate", (INACTIVE,), ACTIVE, UserActivated, (_MANAGES,)),
    ),
    evolve=evolve,
    choices={"roles": tuple(ROLES)},
)
