"""A cursor names a place, to us alone, and in the walk that it was given for."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import cursors
from domain.errors import InvalidInput
from ledger.keys import Keys
from projections.trail_queries import Place

places = st.builds(Place, st.integers(0, 2), st.integers(0, 2**63 - 1), st.booleans())


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with TemporaryDirectory() as folder:
        yield Keys(Path(folder))


@given(places, st.binary(max_size=40))
def test_a_cursor_leads_back_to_its_place(keys: Keys, place: Place, asked: bytes) -> None:
    cursor = cursors.written(keys, asked, place)
    assert cursors.read(keys, asked, cursor) == place
    assert len(cursor) <= cursors.LONGEST
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(places, st.integers(0), st.integers(1, 255))
def test_a_cursor_with_any_byte_changed_is_refused(keys: Keys, place: Place, at: int, by: int) -> None:
    content = bytearray(urlsafe_b64decode(cursors.written(keys, b"walk", place) + "=="))
    content[at % len(content)] ^= by
    with pytest.raises(InvalidInput):
        cursors.read(keys, b"walk", urlsafe_b64encode(content).decode().rstrip("="))


@given(st.text(max_size=60))
def test_what_is_no_cursor_is_refused(keys: Keys, text: str) -> None:
    with pytest.raises(InvalidInput):
        cursors.read(keys, b"walk", text)


def test_a_cursor_of_another_walk_or_another_key_is_refused(keys: Keys, tmp_path: Path) -> None:
    cursor = cursors.written(keys, b"walk", Place(0, 7))
    with pytest.raises(InvalidInput) as other:
        cursors.read(keys, b"another", cursor)
    assert "another filter" in other.value.faults[0].message
    with pytest.raises(InvalidInput):
        cursors.read(Keys(tmp_path), b"walk", cursor)
