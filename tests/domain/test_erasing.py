"""What an erasure leaves of a user, and what may still be done to one."""

from typing import Any

import pytest

from domain.errors import Conflict, Denied, InvalidInput
from domain.events import Attempt, Personal, Recorded, stream_id
from domain.platform.erased import concealed
from domain.platform.erasing import check_reason
from domain.platform.users import ERASED, USERS, User, UserCreated, UserUpdated
from tests.domain.people import NOW, PERSON, actor
from tests.domain.test_users import GIVEN, MANAGER, SYSTEM

ADMINISTRATOR = actor(1, "administrator")
STREAM = stream_id("user", 5)


def personal(purpose: str, **value: str) -> Personal:
    return Personal(PERSON, purpose, bytes(12), value, b"sealed")


CREATED = UserCreated(id=5, name=personal("name", username="ana"), contact=personal("contact", email="a@b.c"))


def recorded(*events: Any) -> list[Recorded]:
    return [Recorded(version, STREAM, version, NOW, event) for version, event in enumerate(events, 1)]


def fire(it: User, trigger: str, who: Any, **data: Any) -> User:
    event = USERS.decide(USERS.step(trigger), it, Attempt(actor=who, reason="asked"), data)
    return USERS.evolve(it, Recorded(it.version + 1, STREAM, it.version + 1, NOW, event))


def there() -> User:
    it = USERS.fold(recorded(CREATED))
    assert it is not None
    return it


def erased() -> User:
    return fire(there(), "erase", ADMINISTRATOR)


def test_an_erased_user_has_no_name_address_or_profile_but_the_name_that_records_print() -> None:
    it = erased()
    assert it.status == ERASED
    assert (it.name.value, it.contact.value, it.profile) == (None, None, None)
    assert (it.name.sealed, it.contact.sealed) == (b"", b"")
    assert it.printed == CREATED.name
    assert fire(it, "erase_name", SYSTEM).printed is None


def test_an_erased_administrator_administers_no_more() -> None:
    it = fire(fire(there(), "update", ADMINISTRATOR, roles=("administrator",)), "erase", ADMINISTRATOR)
    assert not it.administers


@pytest.mark.parametrize("trigger", [step.trigger for step in USERS.steps if step.trigger != "erase_name"])
def test_nothing_is_done_to_an_erased_user_any_more(trigger: str) -> None:
    given = {"update": {"department": "Plant"}, "update_own": {}}
    with pytest.raises(Conflict):
        fire(erased(), trigger, ADMINISTRATOR, **(given.get(trigger) or GIVEN.get(trigger, {})))


def test_the_printed_name_is_erased_once_and_of_erased_users_alone() -> None:
    with pytest.raises(Conflict):
        fire(there(), "erase_name", SYSTEM)
    with pytest.raises(Conflict, match="already"):
        fire(fire(erased(), "erase_name", SYSTEM), "erase_name", SYSTEM)


def test_administrators_erase_others_and_the_system_anybody() -> None:
    for who in (MANAGER, actor(5, "viewer"), actor(9, "quality_manager")):
        with pytest.raises(Denied, match="only an administrator"):
            fire(there(), "erase", who)
    with pytest.raises(Conflict, match="himself"):
        fire(there(), "erase", actor(5, "administrator"))
    assert fire(there(), "erase", SYSTEM).status == ERASED


def test_it_takes_a_reason() -> None:
    with pytest.raises(InvalidInput):
        USERS.decide(USERS.step("erase"), there(), Attempt(actor=ADMINISTRATOR), {})


def test_the_events_of_an_erased_user_show_nothing_personal_and_those_of_others_all() -> None:
    whole = recorded(CREATED, USERS.decide(USERS.step("erase"), there(), Attempt(actor=SYSTEM, reason="asked"), {}))
    assert concealed(whole[:1]) is whole[:1] or list(concealed(whole[:1])) == whole[:1]
    event = concealed(whole)[0].event
    assert isinstance(event, UserCreated)
    assert (event.name.value, event.contact.value, event.id) == (None, None, 5)


def known(**values: str) -> list[Recorded]:
    name = {part: values.pop(part, "") for part in ("username", "first_name", "last_name")}
    return recorded(
        UserCreated(id=5, name=personal("name", **name), contact=personal("contact", email="lea@example.org")),
        UserUpdated(profile=personal("profile", **values)),
    )


@pytest.mark.parametrize(
    ("reason", "of"),
    [
        ("Lea asked for it.", {"first_name": "Lea"}),
        ("LEA's wish", {"first_name": "Lea"}),
        ("Ｌｅａ asked.", {"first_name": "Lea"}),  # noqa: RUF001 - as wide as some keyboards write it
        ("Frau  van der  Berg left", {"last_name": "van der Berg"}),
        ("Berg left", {"last_name": "van der Berg"}),
        ("wrote from LEA@example.org", {}),
        ("rang from +49 30 1234", {"phone": "+49 30 1234"}),
        ("account art", {"username": "art"}),
    ],
)
def test_a_reason_says_not_who(reason: str, of: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_reason(reason, known(**of))
    assert [fault.field for fault in refused.value.faults] == ["reason"]


@pytest.mark.parametrize(
    ("reason", "of"),
    [
        ("The person pleads Article 17 GDPR.", {"first_name": "Lea", "last_name": "Art"}),
        ("On the order of a court, by van.", {"last_name": "van der Berg"}),
        ("Wrote from another@example.org", {}),
        ("It is so.", {"first_name": "It"}),
        ("Left the company.", {"first_name": "", "last_name": ""}),
    ],
)
def test_a_reason_that_has_a_name_inside_its_words_alone_is_taken(reason: str, of: dict[str, str]) -> None:
    check_reason(reason, known(**of))
