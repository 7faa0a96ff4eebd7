"""What a password must be."""

import string
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.platform.passwords import LONGEST, password_faults, too_old
from domain.platform.settings import SystemSettings

KINDS = ("uppercase", "lowercase", "digit", "symbol")
EASY = SystemSettings()
STRICT = replace(EASY, password_min_length=12, **{f"password_require_{kind}": True for kind in KINDS})

rules = st.builds(
    SystemSettings,
    password_min_length=st.integers(8, 128),
    **{f"password_require_{kind}": st.booleans() for kind in KINDS},
)
words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


def says(password: str, settings: SystemSettings = EASY, username: str = "ana") -> list[str]:
    return [fault.message for fault in password_faults(password, username, settings)]


@given(words, rules)
def test_more_rules_never_take_a_password_that_fewer_refuse(password: str, settings: SystemSettings) -> None:
    stricter = replace(settings, **{f"password_require_{kind}": True for kind in KINDS})
    assert set(says(password, settings)) <= set(says(password, stricter))


@given(words)
def test_it_is_the_same_password_in_any_normal_form(password: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, password) for form in ("NFC", "NFD"))
    assert says(composed, STRICT) == says(decomposed, STRICT)


@given(words, rules)
def test_one_fault_says_one_thing(password: str, settings: SystemSettings) -> None:
    told = says(password, settings)
    assert len(told) == len(set(told))
    assert {fault.field for fault in password_faults(password, "ana", settings, "new_password")} <= {"new_password"}


@given(st.text(st.sampled_from(string.ascii_letters + string.digits + "!?_ "), min_size=12, max_size=30))
def test_of_plain_characters_each_kind_is_told_by_what_it_is(password: str) -> None:
    told = says(password, STRICT)
    for kind, characters in (
        ("an upper-case letter", string.ascii_uppercase),
        ("a lower-case letter", string.ascii_lowercase),
        ("a digit", string.digits),
        ("a symbol", "!?_"),
    ):
        assert (f"It must hold {kind}." in told) == (not set(password) & set(characters))


@pytest.mark.parametrize("name", ["straße müller", "STRASSE MÜLLER", "Stra\u00dfe Mu\u0308ller"])
def test_the_user_name_in_any_form_is_no_password(name: str) -> None:
    assert says(name, username="Straße Müller") == ["The password may not be the user name."]


def test_length_has_two_ends() -> None:
    assert says("x" * 7) == ["At least 8 characters."]
    assert says("x" * 8) == []
    assert says("x" * LONGEST) == []
    assert says("x" * (LONGEST + 1)) == [f"At most {LONGEST} characters."]


@pytest.mark.parametrize("strange", ["\x00", "\x1b", "\x7f", "\ud800"])
def test_what_can_not_be_typed_is_refused(strange: str) -> None:
    assert says(f"long enough{strange}") == ["Control characters are not allowed."]


@given(st.integers(0, 5_000), st.integers(0, 400), st.integers(0, 400))
def test_a_password_expires_after_the_longest_age_and_never_without_one(since: int, age: int, most: int) -> None:
    settings = replace(EASY, password_max_age_days=most)
    set_at, moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=since), timedelta(microseconds=1)
    assert too_old(set_at, set_at + timedelta(days=age), settings) == (0 < most < age)
    assert too_old(set_at, set_at + timedelta(days=most) + moment, settings) == (most > 0)
