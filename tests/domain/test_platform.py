"""Users, roles and webhooks."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.errors import Conflict, Denied, InvalidInput
from domain.events import Actor, Attempt, Personal, Recorded, stream_id
from domain.platform.permissions import PERMISSIONS
from domain.platform.roles import BUILT_IN
from domain.platform.users import ACTIVE, INACTIVE, USERS, User, UserCreated, UserUpdated, fold_name
from domain.platform.webhooks import PUBLIC_EVENTS, WEBHOOKS
from tests.domain.people import NOW, PERSON, actor, granted

ADMINISTRATOR = actor(1, "administrator")
NAME = Personal(PERSON, "name", bytes(12), {"username": "ana"})
CONTACT = Personal(PERSON, "contact", bytes(12), {"email": "ana@example.com"})


def user(*roles: str) -> User:
    event = UserCreated(id=5, name=NAME, contact=CONTACT, department="Lab", roles=roles)
    return USERS.evolve(None, Recorded(1, stream_id("user", 5), 1, NOW, event))


def fire(it: User, trigger: str, who: Actor = ADMINISTRATOR, **data: Any) -> User:
    event = USERS.decide(USERS.step(trigger), it, Attempt(actor=who), data)
    return USERS.evolve(it, Recorded(2, it.stream, it.version + 1, NOW, event))


def test_a_user_acts_with_the_permissions_of_the_roles() -> None:
    who = user("viewer", "management").actor(granted)
    assert (who.id, who.department, who.administrator) == (5, "Lab", False)
    assert who.may("deviation.approve")
    assert not who.may("user.read")


def test_the_administrator_holds_every_permission() -> None:
    assert all(user("administrator").actor(granted).may(permission) for permission in PERMISSIONS)


def test_a_user_is_deactivated_and_activated_again_and_never_removed() -> None:
    gone = fire(user(), "deactivate")
    assert gone.status == INACTIVE
    assert fire(gone, "activate").status == ACTIVE
    with pytest.raises(Conflict):
        fire(gone, "deactivate")


def test_only_who_manages_users_changes_them() -> None:
    with pytest.raises(Denied, match="only who manages users"):
        fire(user(), "update", actor(2, "quality_manager"), department="Plant")


def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    changed = fire(user("viewer"), "update", department="Plant")
    assert (changed.department, changed.roles, changed.name) == ("Plant", ("viewer",), NAME)


def test_an_erased_name_is_told_as_erased() -> None:
    erased = Personal(PERSON, "name", bytes(12), None, b"sealed")
    it = USERS.evolve(user(), Recorded(2, stream_id("user", 5), 2, NOW, UserUpdated(name=erased)))
    assert it.name.get("username", "erased user 5") == "erased user 5"
    assert NAME.get("username", "erased user 5") == "ana"
    assert NAME.get("first_name") == ""


def test_personal_data_is_the_same_where_all_of_it_is() -> None:
    same = Personal(PERSON, "name", bytes(12), {"username": "ana"}, b"stored")
    assert (same == NAME, hash(same) == hash(NAME)) == (True, True)
    assert CONTACT != NAME
    assert Personal(uuid4(), "name", bytes(12), {"username": "ana"}) != NAME


def test_personal_data_is_in_no_representation_of_a_user() -> None:
    assert "ana" not in repr(user())


def test_who_reads_changes_nothing() -> None:
    for role in ("viewer", "auditor"):
        assert {permission.partition(".")[2] for permission in BUILT_IN[role]} == {"read"}
    assert "audit.read" not in BUILT_IN["viewer"]
    assert "user.read" not in BUILT_IN["viewer"]
    assert "audit.read" in BUILT_IN["auditor"]


@pytest.mark.parametrize(("one", "other"), [("Ana", "ana"), ("STRASSE", "straße"), ("ﬁn", "FIN"), ("É", "e\u0301")])
def test_names_that_read_the_same_are_the_same(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


@given(st.text(max_size=20))
def test_folding_a_folded_name_changes_nothing(name: str) -> None:
    assert fold_name(fold_name(name)) == fold_name(name)


def test_a_webhook_names_public_events_and_at_least_one() -> None:
    for events in ((), ("deviation.abolished",)):
        with pytest.raises(InvalidInput) as refused:
            WEBHOOKS.create(Attempt(actor=ADMINISTRATOR), {"url": "https://example.com", "events": events})
        assert [fault.field for fault in refused.value.faults] == ["events"]


def test_a_webhook_is_deleted_once() -> None:
    made = WEBHOOKS.create(Attempt(actor=ADMINISTRATOR), {"url": "https://example.com", "events": PUBLIC_EVENTS})
    it = WEBHOOKS.evolve(None, Recorded(1, stream_id("webhook", 1), 1, NOW, made))
    event = WEBHOOKS.decide(WEBHOOKS.step("delete"), it, Attempt(actor=ADMINISTRATOR), {})
    gone = WEBHOOKS.evolve(it, Recorded(2, it.stream, 2, NOW, event))
    assert (gone.status, gone.version) == ("deleted", 2)
    with pytest.raises(Conflict):
        WEBHOOKS.decide(WEBHOOKS.step("delete"), replace(gone), Attempt(actor=ADMINISTRATOR), {})
