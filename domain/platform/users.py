"""Users: who may sign in, with which roles. A user is never removed, and a name is never given twice.

An erased user stays as a number: what was known of the person can be read no more, and nothing of it is ever changed.
"""

import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from domain.errors import Fault
from domain.events import Actor, Event, Personal, Recorded, fact
from domain.given import own_fields
from domain.platform.erased import UserErased, UserNameErased, gone
from domain.platform.roles import ADMINISTRATOR
from domain.workflow import Data, Guard, Step, Who, Workflow

ACTIVE, INACTIVE, ERASED = "active", "inactive", "erased"


class User(Struct, frozen=True, kw_only=True):
    """A user as folded from events. The values of what is personal are None once erased."""

    id: int
    stream: UUID
    version: int
    status: str
    name: Personal
    contact: Personal
    department: str
    roles: tuple[str, ...]
    joined_at: datetime
    profile: Personal | None = None
    #: Until when no password is taken after failed ones; None: nothing was locked since it was last unlocked.
    locked_until: datetime | None = None
    #: Whether a one-time code is asked for beside the password.
    second_factor: bool = False
    #: Once the user is erased: the name that the history of records prints, while one of them still keeps it.
    printed: Personal | None = None

    @property
    def administers(self) -> bool:
        """Whether the user can act as an administrator."""
        return self.status == ACTIVE and ADMINISTRATOR in self.roles

    def actor(self, granted: Callable[[Iterable[str]], frozenset[str]]) -> Actor:
        """Return the user as the rules see who acts. `granted`: what roles permit, by their names."""
        return Actor(
            id=self.id,
            permissions=granted(self.roles),
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
    profile: Personal | UnsetType = UNSET


@fact("user.password_changed")
class UserPasswordChanged(Event, frozen=True, kw_only=True):
    """A new password holds from now on, and a lock is gone. The password is not here."""


@fact("user.locked")
class UserLocked(Event, frozen=True, kw_only=True):
    """So many wrong passwords came that none is taken for a while."""

    until: datetime
    failures: int


@fact("user.unlocked")
class UserUnlocked(Event, frozen=True, kw_only=True):
    """Passwords are taken again before the time."""


@fact("user.session_ended")
class UserSessionEnded(Event, frozen=True, kw_only=True):
    """Somebody ended one session, or (nobody acting) a refresh token came again after another took its place."""

    session: UUID


@fact("user.sessions_ended")
class UserSessionsEnded(Event, frozen=True, kw_only=True):
    """Somebody ended all sessions, but for the one that he kept."""

    kept: UUID | None = None


@fact("user.second_factor_set")
class UserSecondFactorSet(Event, frozen=True, kw_only=True):
    """A one-time code is asked for beside the password from now on. What codes are made from is not here."""


@fact("user.second_factor_removed")
class UserSecondFactorRemoved(Event, frozen=True, kw_only=True):
    """No one-time code is asked for any more: the user gave it up, or lost it."""


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
    changed = _erased(user) if isinstance(event, UserErased) else _changed(event)
    return replace(user, version=recorded.version, status=event.to_state or user.status, **changed)


def _erased(user: User) -> dict[str, Any]:
    return {
        "name": gone(user.name),
        "contact": gone(user.contact),
        "profile": user.profile and gone(user.profile),
        "printed": user.name,
        "locked_until": None,
        "second_factor": False,
    }


def _changed(event: Event) -> dict[str, Any]:
    if isinstance(event, UserUpdated):
        given = {name: getattr(event, name) for name in own_fields(UserUpdated)}
        return {name: value for name, value in given.items() if value is not UNSET}
    if isinstance(event, UserLocked):
        return {"locked_until": event.until}
    if isinstance(event, UserNameErased):
        return {"printed": None}
    if isinstance(event, UserSecondFactorSet | UserSecondFactorRemoved):
        return {"second_factor": isinstance(event, UserSecondFactorSet)}
    return {"locked_until": None} if isinstance(event, UserUnlocked | UserPasswordChanged) else {}


def fold_name(username: str) -> str:
    """Return what makes two user names the same: NFKC, then case-folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def _only_own(_: User | None, data: Data) -> list[Fault]:
    strange = data.keys() - {"name", "contact", "profile"}
    return [Fault(name, "Nobody changes this of himself.") for name in sorted(strange)]


_MANAGES: Who[User] = Who(
    "user.manage",
    "who manages users (an administrator: administrators alone)",
    lambda it, _: ADMINISTRATOR not in it.roles,
)
_ADDS: Who[User] = Who("user.manage", "who manages users")
_HIMSELF: Who[User] = Who(None, "the user himself", lambda it, actor: actor.id == it.id)
_SYSTEM: Who[User] = Who("user.manage", "the system", lambda _, actor: actor.id is None)
_LOCKED: Guard[User] = Guard("The user is not locked.", lambda it, _, __: it.locked_until is not None)
_PROVES: Guard[User] = Guard("No one-time codes are set up.", lambda it, _, __: it.second_factor)
_PROVES_NOT: Guard[User] = Guard(
    "One-time codes are set up already; remove them first.", lambda it, _, __: not it.second_factor
)
_ANOTHERS: Guard[User] = Guard(
    "One's own one-time codes are removed with the password and a code.",
    lambda it, attempt, _: attempt.actor.id != it.id,
)
_ADMINISTERS: Who[User] = Who("user.manage", "an administrator", lambda _, actor: actor.administrator)
_ANOTHER: Guard[User] = Guard("Nobody erases himself.", lambda it, attempt, _: attempt.actor.id != it.id)
_PRINTED: Guard[User] = Guard("The printed name is erased already.", lambda it, _, __: it.printed is not None)
_ANY = (ACTIVE, INACTIVE)

USERS: Workflow[User] = Workflow(
    kind="user",
    states=(*_ANY, ERASED),
    creation=Step("create", (), ACTIVE, UserCreated, (_ADDS,), requires=("name",)),
    steps=(
        Step("update", _ANY, None, UserUpdated, (_MANAGES,), edit=True),
        Step("update_own", _ANY, None, UserUpdated, (_HIMSELF,), check=_only_own, edit=True),
        Step("change_password", _ANY, None, UserPasswordChanged, (_MANAGES, _HIMSELF), edit=True),
        Step("lock", _ANY, None, UserLocked, (_SYSTEM,), edit=True),
        Step("unlock", _ANY, None, UserUnlocked, (_MANAGES,), (_LOCKED,), edit=True),
        Step("end_session", _ANY, None, UserSessionEnded, (_MANAGES, _HIMSELF), edit=True),
        Step("end_sessions", _ANY, None, UserSessionsEnded, (_MANAGES, _HIMSELF), edit=True),
        Step("set_second_factor", (ACTIVE,), None, UserSecondFactorSet, (_HIMSELF,), (_PROVES_NOT,), edit=True),
        Step("give_up_second_factor", _ANY, None, UserSecondFactorRemoved, (_HIMSELF,), (_PROVES,), edit=True),
        Step(
            "remove_second_factor",
            _ANY,
            None,
            UserSecondFactorRemoved,
            (_MANAGES,),
            (_PROVES, _ANOTHERS),
            requires=("reason",),
            edit=True,
        ),
        Step("deactivate", (ACTIVE,), INACTIVE, UserDeactivated, (_MANAGES,)),
        Step("activate", (INACTIVE,), ACTIVE, UserActivated, (_MANAGES,)),
        Step("erase", _ANY, ERASED, UserErased, (_ADMINISTERS,), (_ANOTHER,), requires=("reason",)),
        Step("erase_name", (ERASED,), None, UserNameErased, (_SYSTEM,), (_PRINTED,), requires=("reason",), edit=True),
    ),
    evolve=evolve,
)
