"""Facts to bytes and back, byte for byte."""

import types
import typing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

import domain.catalogue  # noqa: F401 - registers every fact
from domain.events import FACTS, Event, Personal
from domain.platform.users import UserCreated
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.rows import Row
from ledger.vault import Vault

_ZONES = st.one_of(
    st.none(), st.just(UTC), st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)
_SUBJECTS = [uuid4() for _ in range(3)]
_PERSONAL = st.builds(
    Personal,
    subject=st.sampled_from(_SUBJECTS),
    purpose=st.sampled_from(["name", "contact"]),
    nonce=st.binary(min_size=12, max_size=12),
    value=st.dictionaries(st.text(max_size=8), st.text(), max_size=4),
)
_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(),
    bool: st.booleans(),
    bytes: st.binary(),
    datetime: st.datetimes(timezones=_ZONES),
    Personal: _PERSONAL,
    type(None): st.none(),
}


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for any type that a fact's field has."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _LEAVES:
        return _LEAVES[kind]
    if origin in (typing.Union, types.UnionType):
        return st.one_of([anything(one) for one in arguments if one is not msgspec.UnsetType])
    if origin is tuple:
        return st.lists(anything(arguments[0]), max_size=4).map(tuple)
    if origin in (dict, typing.get_origin(typing.Mapping[str, str])):
        return st.dictionaries(anything(arguments[0]), anything(arguments[1]), max_size=4)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return struct(kind)
    return st.from_type(kind)


def struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Return a strategy for a struct: required fields always, the others sometimes."""
    fields = msgspec.structs.fields(kind)
    required = {field.encode_name: anything(field.type) for field in fields if field.required}
    optional = {field.encode_name: anything(field.type) for field in fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda given: kind(**given))


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    vault = Vault(Keys(tmp_path_factory.mktemp("keys")))
    for subject in _SUBJECTS:
        for purpose in ("name", "contact"):
            vault.personal(subject, purpose, {})
    return Codec(vault)


@pytest.mark.parametrize("topic", sorted(FACTS))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_every_fact_round_trips_byte_for_byte(codec: Codec, topic: str, data: st.DataObject) -> None:
    """Any event of any fact comes back equal from its bytes, and gives the same bytes again."""
    event = data.draw(struct(FACTS[topic]))
    state = codec.encode(event)
    decoded = codec.decode(topic, state)
    assert decoded == event
    assert decoded is not None
    assert codec.encode(decoded) == state


def user_created(codec: Codec) -> Event:
    subject = uuid4()
    vault = codec.vault
    return UserCreated(
        name=vault.personal(subject, "name", {"username": "ada.lovelace"}),
        contact=vault.personal(subject, "contact", {"email": "ada@example.org"}),
    )


def test_no_personal_data_in_the_bytes(codec: Codec) -> None:
    """Names and addresses are nowhere in what is stored, neither as they are nor in base64."""
    state = codec.encode(user_created(codec))
    for plain in (b"ada.lovelace", b"ada@example.org", b"YWRh"):
        assert plain not in state


def test_a_destroyed_key_erases_and_keeps_the_bytes(tmp_path: Path) -> None:
    """Once a person's key is gone, the event decodes with the person erased, and encodes to the same bytes."""
    codec = Codec(Vault(Keys(tmp_path)))
    event: Any = user_created(codec)
    state = codec.encode(event)
    for key in (tmp_path / "persons").iterdir():
        key.unlink()
    erased: Any = codec.decode("user.created", state)
    assert erased.name.value is None
    assert erased.contact.value is None
    assert erased.name.subject == event.name.subject
    assert codec.encode(erased) == state


def test_topics_of_others_are_passed_over(codec: Codec) -> None:
    """What another application recorded decodes to nothing, and is left out of what is recorded of ours."""
    assert codec.decode("library:Topic", b"anything") is None
    at = datetime(2026, 1, 1, tzinfo=UTC)
    state = codec.encode(user_created(codec))
    rows = [Row(1, uuid4(), 1, "library:Topic", b"x", at), Row(2, uuid4(), 1, "user.created", state, at)]
    assert [recorded.position for recorded in codec.recorded(rows)] == [2]


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b'{"name":1}', b"\xff"])
def test_bytes_that_do_not_fit_their_topic_are_an_error(codec: Codec, state: bytes) -> None:
    """Corruption of our own events is never passed over."""
    with pytest.raises(msgspec.MsgspecError):
        codec.decode("user.created", state)
