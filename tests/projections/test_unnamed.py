"""Answers and messages made before an erasure, as they are after it."""

import msgspec
import pytest

from projections.unnamed import unnamed

ANA = {"id": 7, "username": "ana", "first_name": "Ana", "last_name": "Müller"}
ERASED = {"id": 7, "username": "erased user 7", "first_name": "", "last_name": ""}


def test_a_user_is_shown_as_erased_wherever_he_is_shown() -> None:
    shown = {"id": 3, "title": "Ana", "initiated_by": ANA, "people": [ANA, {**ANA, "id": 71}], "due": None}
    again = unnamed(msgspec.json.encode(shown), 7)
    assert again is not None
    assert msgspec.json.decode(again) == {**shown, "initiated_by": ERASED, "people": [ERASED, {**ANA, "id": 71}]}


def test_nothing_of_a_whole_user_is_left() -> None:
    profile = {"job_title": "Head", "phone": "123", "skills": ["GMP"]}
    whole = {**ANA, "email": "a@b.c", "display_name": "Ana Müller", "department": "QC", "profile": profile}
    again = unnamed(msgspec.json.encode(whole), 7)
    assert again is not None
    blank = {"job_title": "", "phone": "", "skills": []}
    expected = {**ERASED, "email": "", "display_name": "erased user 7", "department": "QC", "profile": blank}
    assert msgspec.json.decode(again) == expected


@pytest.mark.parametrize(
    "body", [b"", b'not json, "id":7 and "username"', b'{"id":7}', msgspec.json.encode({**ANA, "id": 70}), b"\xff"]
)
def test_what_shows_him_not_stays_as_it_is(body: bytes) -> None:
    assert unnamed(body, 7) is None


def test_doing_it_again_changes_nothing() -> None:
    once = unnamed(msgspec.json.encode(ANA), 7)
    assert once is not None
    assert unnamed(once, 7) is None
