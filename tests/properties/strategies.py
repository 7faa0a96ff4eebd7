"""Random facts of every kind, made from the fields that their classes declare."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

import msgspec
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from domain.catalogue import WORKFLOWS
from domain.events import FACTS, Event, Personal, Recorded, stream_id
from ledger.vault import Vault

#: Few people, so that few keys are made.
PERSONS = [UUID(int=number, version=4) for number in (1, 2, 3)]

text = st.text(max_size=12)
moments = st.datetimes(timezones=st.just(UTC))
nonces = st.binary(min_size=12, max_size=12)
#: Of somebody whose key is destroyed.
erased = st.builds(
    Personal, st.just(UUID(int=9, version=4)), st.just("name"), nonces, st.none(), st.binary(min_size=16, max_size=40)
)
personal = st.builds(
    Personal,
    st.sampled_from(PERSONS),
    st.sampled_from(["name", "contact"]),
    nonces,
    st.dictionaries(text, text, max_size=3),
)


def with_keys(vault: Vault) -> Vault:
    """Make the keys of the people that values are about."""
    for person in PERSONS:
        for purpose in ("name", "contact"):
            vault.personal(person, purpose, {})
    return vault


_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: text,
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    datetime: moments,
    UUID: st.uuids(),
    Personal: personal | erased,
    NoneType: st.none(),
    UnsetType: st.just(UNSET),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a declared type."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if get_origin(kind) in (Union, UnionType):
        return st.one_of([values(one) for one in get_args(kind)])
    if get_origin(kind) is tuple:
        return st.lists(values(get_args(kind)[0]), max_size=3).map(tuple)
    if get_origin(kind) is Mapping:
        return st.dictionaries(*map(values, get_args(kind)), max_size=3)
    assert issubclass(kind, msgspec.Struct)
    return structs(kind)


@cache
def structs(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Structs with any of their optional fields given."""
    fields = msgspec.structs.fields(kind)
    needed = {field.name: values(field.type) for field in fields if field.required}
    optional = {field.name: values(field.type) for field in fields if not field.required}
    return st.fixed_dictionaries(needed, optional=optional).map(lambda given: kind(**given))


def facts(topic: str) -> st.SearchStrategy[Event]:
    """Facts of a topic."""
    return structs(FACTS[topic])


def streams(kind: str) -> st.SearchStrategy[list[Recorded]]:
    """Streams of a kind's facts in any order, beginning with a creation where there is one."""
    of_kind = st.one_of([facts(topic) for topic in FACTS if topic.startswith(f"{kind}.")])
    creation = WORKFLOWS[kind].creation
    first = facts(creation.event.topic) if creation else of_kind
    begun = st.tuples(first, st.lists(st.tuples(of_kind, moments), max_size=12))
    return st.tuples(begun, moments).map(lambda drawn: _placed(kind, drawn[0][0], drawn[1], drawn[0][1]))


def _placed(kind: str, first: Event, at: datetime, later: list[tuple[Event, datetime]]) -> list[Recorded]:
    stream = stream_id(kind, 1)
    return [Recorded(n, stream, n, when, event) for n, (event, when) in enumerate([(first, at), *later], 1)]
