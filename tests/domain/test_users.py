"""What may be done to a user, by whom, and what stays of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Conflict, Denied, InvalidInput
from domain.events import Actor, Attempt, Personal, Recorded, stream_id
from domain.platform.user_rules import check_grants, check_stands_in
from domain.platform.users import USERS, User, UserCreated
from tests.domain.people import NOW, PERSON, actor, granted

NAME = Personal(PERSON, "name", bytes(12), {"username": "ana"})
PROFILE = Personal(PERSON, "profile", bytes(12), {"phone": "1"})
SYSTEM = Actor(id=None, administrator=True)
MANAGER = Actor(id=2, permissions=frozenset({"user.read", "user.manage", "deviation.read"}))
HIMSELF, ANOTHER = actor(5, "viewer"), actor(6, "viewer")
SESSION = UUID(int=1, version=4)
LATER = NOW + timedelta(minutes=15)
GIVEN: dict[str, dict[str, Any]] = {
    "update": {"department": "Plant"},
    "update_own": {"profile": PROFILE},
    "lock": {"until": LATER, "failures": 5},
    "end_session": {"session": SESSION},
    "end_sessions": {"kept": None},
}


def user(*roles: str) -> User:
    event = UserCreated(id=5, name=NAME, contact=NAME, roles=roles)
    return USERS.evolve(None, Recorded(1, stream_id("user", 5), 1, NOW, event))


def fire(it: User, trigger: str, who: Actor, **data: Any) -> User:
    event = USERS.decide(USERS.step(trigger), it, Attempt(actor=who), data or GIVEN.get(trigger, {}))
    return USERS.evolve(it, Recorded(2, it.stream, it.version + 1, NOW, event))


def locked(*roles: str) -> User:
    return fire(user(*roles), "lock", SYSTEM)


def may(it: User, trigger: str, who: Actor) -> bool:
    try:
        fire(it, trigger, who)
    except Denied:
        return False
    return True


@pytest.mark.parametrize(
    ("trigger", "allowed"),
    [
        ("update", {"manager"}),
        ("update_own", {"himself"}),
        ("change_password", {"manager", "himself"}),
        ("unlock", {"manager"}),
        ("end_session", {"manager", "himself"}),
        ("end_sessions", {"manager", "himself"}),
        ("deactivate", {"manager"}),
        ("lock", set()),
    ],
)
def test_each_does_what_is_his(trigger: str, allowed: set[str]) -> None:
    people = {"manager": MANAGER, "himself": HIMSELF, "another": ANOTHER}
    assert {name for name, who in people.items() if may(locked("viewer"), trigger, who)} == allowed
    assert may(locked("viewer"), trigger, actor(1, "administrator"))
    assert not may(locked("administrator"), trigger, MANAGER)


def test_nobody_changes_his_own_roles_or_department() -> None:
    for data in ({"roles": ("management",)}, {"department": "Plant"}):
        with pytest.raises(InvalidInput):
            fire(user("viewer"), "update_own", HIMSELF, **data)
    assert fire(user("viewer"), "update_own", HIMSELF).profile == PROFILE


@pytest.mark.parametrize("trigger", ["unlock", "change_password"])
def test_a_lock_ends_with_an_unlocking_and_with_a_new_password(trigger: str) -> None:
    assert locked().locked_until == LATER
    assert fire(locked(), trigger, MANAGER).locked_until is None


def test_who_is_not_locked_is_not_unlocked() -> None:
    with pytest.raises(Conflict, match="not locked"):
        fire(user(), "unlock", MANAGER)


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        ((), ("viewer",), False),
        (("viewer",), ("viewer",), True),
        (("administrator",), ("administrator",), True),
        ((), ("administrator",), False),
        (("viewer", "management"), (), True),
        ((), ("no such role",), True),  # Told as a fault of the input, in its turn.
    ],
)
def test_nobody_grants_what_he_may_not_do(before: tuple[str, ...], after: tuple[str, ...], *, good: bool) -> None:
    check_grants(actor(1, "administrator"), before, after, granted)
    try:
        check_grants(MANAGER, before, after, granted)
    except Denied:
        assert not good
    else:
        assert good


def test_nobody_sets_the_password_of_who_may_more() -> None:
    check_stands_in(MANAGER, Actor(id=7, permissions=frozenset({"deviation.read"})))
    check_stands_in(actor(1, "administrator"), actor(7, "administrator"))
    for other in (actor(7, "administrator"), actor(7, "viewer")):
        with pytest.raises(Denied):
            check_stands_in(MANAGER, other)
