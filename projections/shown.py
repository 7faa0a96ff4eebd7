"""What the answers of every kind of record share: users as others show them, and times."""

from collections.abc import Mapping
from datetime import datetime
from typing import overload

from msgspec import Struct

from domain.events import Personal
from domain.platform.retention import RETAINED
from domain.platform.users import ERASED, User


class UserRef(Struct, frozen=True):
    """A user as shown inside another record."""

    id: int
    username: str
    first_name: str
    last_name: str


def user_ref(user_id: int | None, people: Mapping[int, User]) -> UserRef | None:
    """Return a user as others show it; None for the system itself."""
    if user_id is None:
        return None
    user = people.get(user_id)
    if user is None or user.name.value is None:
        return UserRef(user_id, f"erased user {user_id}", "", "")
    name = user.name
    return UserRef(user_id, name.get("username"), name.get("first_name"), name.get("last_name"))


def printed_name(user_id: int, people: Mapping[int, User], kind: str | None = None) -> str:
    """Return the name that a history prints: also of who was erased, while a record keeps it.

    A user name, which may well be an address, is printed only of who is not erased.
    kind: of the record that the history is of; those of a kind that keeps no names print none of who was erased.
    """
    user = people.get(user_id)
    erased = f"erased user {user_id}"
    if user is None:
        return erased
    if user.status != ERASED:
        return full_name(user.name) or user.name.get("username", erased)
    kept = kind is None or kind in RETAINED
    return (full_name(user.printed) if kept and user.printed is not None else "") or erased


def full_name(name: Personal) -> str:
    """Return first and last name; "" where none was given, or they can be read no more."""
    return f"{name.get('first_name')} {name.get('last_name')}".strip()


@overload
def seconds(moment: datetime) -> datetime: ...
@overload
def seconds(moment: datetime | None) -> datetime | None: ...
def seconds(moment: datetime | None) -> datetime | None:
    """Return a time as it is shown: whole seconds."""
    return moment and moment.replace(microsecond=0)
