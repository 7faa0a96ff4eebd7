"""A person's keys that are destroyed are gone for good."""

import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ledger.keys import Keys
from ledger.vault import Vault

ANA, BEN = UUID(int=1, version=4), UUID(int=2, version=4)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    made = Keys(tmp_path / "keys")
    for person in (ANA, BEN):
        for purpose in ("name", "contact", "profile"):
            made.of_person(person, purpose, make=True)
    return made


def there(keys: Keys, person: UUID) -> set[str]:
    return {it for it in ("name", "contact", "profile") if keys.of_person(person, it, make=False) is not None}


def test_all_keys_of_a_person_go_but_those_that_are_kept(keys: Keys) -> None:
    assert keys.destroy({ANA: ("name",)}) == 2
    assert there(keys, ANA) == {"name"}
    assert there(keys, BEN) == {"name", "contact", "profile"}
    assert keys.destroy({ANA: ()}) == 1
    assert there(keys, ANA) == set()


def test_doing_it_again_or_to_nobody_is_no_fault(keys: Keys, tmp_path: Path) -> None:
    keys.destroy({ANA: ()})
    assert keys.destroy({ANA: (), uuid4(): ()}) == 0
    assert Keys(tmp_path / "none").destroy({ANA: ()}) == 0


def test_what_a_crash_left_of_a_key_that_was_being_made_goes_with_it(keys: Keys, tmp_path: Path) -> None:
    made = tmp_path / "keys" / "persons" / f"{ANA}.contact.key"
    os.link(made, made.with_name(f"{made.name}.0123456789ab"))
    keys.destroy({ANA: ("name",)})
    assert not [it.name for it in made.parent.iterdir() if it.name.startswith(f"{ANA}.contact")]


def test_what_was_sealed_opens_for_nobody_after(keys: Keys) -> None:
    vault = Vault(keys)
    stored = vault.seal_person(vault.personal(ANA, "contact", {"email": "ana@example.com"}))
    keys.destroy({ANA: ()})
    again = Vault(Keys(keys._folder)).open_person(stored)
    assert again.value is None
    assert vault.seal_person(again) == stored
