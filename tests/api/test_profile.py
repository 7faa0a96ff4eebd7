"""The personal parts of a user: changed part by part, and never brought back."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from api.dialects.masetra.account_shapes import OwnChange, ProfileChange
from api.dialects.masetra.profile import personal_changes
from domain.errors import Conflict
from domain.events import Personal, Recorded, stream_id
from domain.platform.users import USERS, User, UserCreated
from ledger.keys import Keys
from ledger.vault import Vault
from tests.domain.people import NOW, PERSON


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(Keys(tmp_path))


@pytest.fixture
def user(vault: Vault) -> User:
    name = vault.personal(PERSON, "name", {"username": "ana", "first_name": "Ana", "last_name": "Doe"})
    event = UserCreated(id=5, name=name, contact=vault.personal(PERSON, "contact", {"email": "a@example.com"}))
    return USERS.evolve(None, Recorded(1, stream_id("user", 5), 1, NOW, event))


def changed(vault: Vault, user: User, **given: Any) -> dict[str, Any]:
    changes = personal_changes(vault, user, OwnChange(**given))
    assert {part.subject for part in changes.values()} <= {PERSON}
    return {name: dict(part.value) for name, part in changes.items()}


def test_only_parts_that_change_are_drawn_anew(vault: Vault, user: User) -> None:
    assert changed(vault, user, first_name="Ana", email="a@example.com") == {}
    assert changed(vault, user, first_name="Ann") == {
        "name": {"username": "ana", "first_name": "Ann", "last_name": "Doe"}
    }


def test_a_profile_keeps_what_is_not_given(vault: Vault, user: User) -> None:
    nothing = ProfileChange(job_title="", phone="", skills=[])
    assert changed(vault, user, profile=nothing) == {}
    first = vault.personal(PERSON, "profile", {"job_title": "Chemist", "skills": "a\nb"})
    known = replace(user, profile=first)
    assert changed(vault, known, profile=ProfileChange(phone="1")) == {
        "profile": {"job_title": "Chemist", "skills": "a\nb", "phone": "1"}
    }
    assert changed(vault, known, profile=ProfileChange(skills=["a", "b"])) == {}
    assert changed(vault, known, profile=ProfileChange(skills=[]))["profile"]["skills"] == ""


def test_who_was_erased_is_not_known_anew(vault: Vault, user: User) -> None:
    erased = replace(user, contact=Personal(PERSON, "contact", bytes(12), None, b"sealed"))
    assert changed(vault, erased, first_name="Ann").keys() == {"name"}
    with pytest.raises(Conflict, match="erased"):
        changed(vault, erased, email="b@example.com")
    nameless = replace(user, name=Personal(PERSON, "name", bytes(12), None, b"sealed"))
    with pytest.raises(Conflict, match="erased"):
        changed(vault, nameless, profile=ProfileChange(phone="1"))
