"""What the answers of every kind of record share: users as others show them, and times."""

from collections.abc import Mapping
from datetime import datetime
from typing import overload

from msgspec import Struct

from domain.platform.users import User


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


@overload
def seconds(moment: datetime) -> datetime: ...
@overload
def seconds(moment: datetime | None) -> datetime | None: ...
def seconds(moment: datetime | None) -> datetime | None:
    """Return a time as it is shown: whole seconds."""
    return moment and moment.replace(microsecond=0)
