"""A signature holds where it was given, and nowhere else: moved, altered or copied it never verifies."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.events import Event, Personal, Signature, stream_id
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.read import stream_digest
from ledger.rows import Row
from ledger.signatures import standing
from ledger.vault import Vault
from tests.properties.strategies import PERSONS, facts, moments, streams, with_keys

_BEGUN = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
_OF_SIGNATURES = ("signer", "name", "meaning", "at", "stream", "version", "digest", "seal")


@pytest.fixture(scope="module")
def codec() -> Iterator[Codec]:
    with TemporaryDirectory() as folder:
        yield Codec(with_keys(Vault(Keys(Path(folder)))))


class Wanted(NamedTuple):
    """An event to store: who signs it, if anybody does, and what he says by it."""

    event: Event
    signer: int | None
    meaning: str


wanted_streams = st.sampled_from(["deviation", "capa", "user"]).flatmap(
    lambda kind: streams(kind).flatmap(
        lambda events: st.tuples(
            *(
                st.builds(
                    Wanted,
                    st.just(recorded.event),
                    st.sampled_from([None, 7, 8]),
                    st.sampled_from(["I agree", "I have read it"]),
                )
                for recorded in events
            )
        )
    )
)
#: Two records, of whichever kinds.
pairs = st.tuples(wanted_streams, wanted_streams)


def _signature(rows: Sequence[Row], stream: UUID, signer: int, meaning: str) -> Signature:
    """Return a signature over a stream as it stands, as the API makes one."""
    return Signature(
        signer=signer,
        name=Personal(PERSONS[0], "name", bytes(12), {"name": "Ana"}),
        meaning=meaning,
        at=_BEGUN + timedelta(minutes=len(rows)),
        stream=stream,
        version=len(rows) + 1,
        digest=stream_digest(rows),
    )


def _stored(codec: Codec, number: int, wanted: Sequence[Wanted]) -> list[Row]:
    """Return the rows of a stream, as they are appended."""
    stream, rows = stream_id("property", number), list[Row]()
    for event, signer, meaning in wanted:
        bare = replace(event, signature=None)
        if signer is not None:
            bare = replace(bare, actor=signer, signature=_signature(rows, stream, signer, meaning))
        state = codec.encode(codec.sealed(bare))
        version = len(rows) + 1
        rows.append(Row(100 * number + version, stream, version, event.topic, state, _BEGUN))
    return rows


def _signed(codec: Codec, streams: Sequence[list[Row]]) -> list[tuple[list[Row], Row, Event, Signature]]:
    """Return every signed event, with the stream that it stands in."""
    found = []
    for rows in streams:
        for row in rows:
            event = codec.decode(row.topic, row.state)
            if event is not None and event.signature is not None:
                found.append((rows, row, event, event.signature))
    return found


def _holds(codec: Codec, rows: Sequence[Row], row: Row, topic: str, state: bytes) -> bool:
    """Tell whether a signature would hold at a row's place, were these its bytes."""
    forged = [one._replace(topic=topic, state=state) if one is row else one for one in rows]
    return standing(codec, forged).get(row.originator_version, False)


def _drawn(data: st.DataObject, codec: Codec, pair: tuple[Sequence[Wanted], Sequence[Wanted]]) -> Any:
    """Return both streams as stored, and one of the signed events in them."""
    both = [_stored(codec, number, wanted) for number, wanted in enumerate(pair, 1)]
    signed = _signed(codec, both)
    assume(signed)
    return both, data.draw(st.sampled_from(signed))


@pytest.mark.clause("11.70")
def test_every_signature_holds_where_it_was_given(codec: Codec) -> None:
    @settings(max_examples=60, deadline=None)
    @given(wanted_streams)
    def holds(wanted: Sequence[Wanted]) -> None:
        rows = _stored(codec, 1, wanted)
        signed = {n for n, (_, signer, _) in enumerate(wanted, 1) if signer is not None}
        assert standing(codec, rows) == dict.fromkeys(signed, True)

    holds()


@pytest.mark.clause("11.70", negative=True)
def test_a_signature_that_is_moved_to_another_record_or_version_does_not_hold(codec: Codec) -> None:
    """Whether the signature alone, with its signer too, or the whole event is moved; nor one made to fit its place."""

    @settings(max_examples=60, deadline=None)
    @given(pairs, st.data())
    def moved(pair: Any, data: st.DataObject) -> None:
        both, (_, row, event, signature) = _drawn(data, codec, pair)
        rows = data.draw(st.sampled_from(both))
        there = data.draw(st.sampled_from(rows))
        assume(there is not row)
        other = codec.decode(there.topic, there.state)
        assert other is not None
        before = [one for one in rows if one.originator_version < there.originator_version]
        place = {"stream": there.originator_id, "version": there.originator_version, "digest": stream_digest(before)}
        fitting = replace(signature, **place)
        for forged in (
            replace(other, signature=signature),
            replace(other, signature=signature, actor=signature.signer),
            replace(other, signature=fitting, actor=signature.signer),
            replace(event, signature=fitting),
            event,
        ):
            assert not _holds(codec, rows, there, forged.topic, codec.encode(forged))

    moved()


@pytest.mark.long
@pytest.mark.parametrize("field", _OF_SIGNATURES)
@pytest.mark.clause("11.70", negative=True)
def test_a_signature_that_is_altered_does_not_hold(codec: Codec, field: str) -> None:
    """Another user, another meaning, another time: each as whoever may write to the database would put it there."""
    other: dict[str, st.SearchStrategy[Any]] = {
        "signer": st.integers(1, 20),
        "name": st.builds(
            Personal, st.sampled_from(PERSONS), st.just("name"), st.just(bytes(12)), st.just({"name": "Bob"})
        ),
        "meaning": st.text(max_size=20),
        "at": moments,
        "stream": st.one_of(st.uuids(), st.just(stream_id("property", 2))),
        "version": st.integers(0, 20),
        "digest": st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format),
        "seal": st.text("0123456789abcdef", min_size=64, max_size=64),
    }

    @settings(max_examples=25, deadline=None)
    @given(pairs, st.data())
    def altered(pair: Any, data: st.DataObject) -> None:
        _, (rows, row, event, signature) = _drawn(data, codec, pair)
        value = data.draw(other[field])
        assume(value != getattr(signature, field))
        forged = replace(event, signature=replace(signature, **{field: value}))
        assert not _holds(codec, rows, row, row.topic, codec.encode(forged))
        if field == "signer":
            assert not _holds(codec, rows, row, row.topic, codec.encode(replace(forged, actor=value)))

    altered()


@pytest.mark.long
@pytest.mark.clause("11.70", negative=True)
def test_an_event_that_is_altered_beneath_its_signature_is_not_signed(codec: Codec) -> None:
    @settings(max_examples=60, deadline=None)
    @given(pairs, st.data())
    def altered(pair: Any, data: st.DataObject) -> None:
        _, (rows, row, event, signature) = _drawn(data, codec, pair)
        another = data.draw(facts(row.topic))
        names = [
            name
            for name in event.__struct_fields__
            if name != "signature" and getattr(another, name) != getattr(event, name)
        ]
        assume(names)
        name = data.draw(st.sampled_from(names))
        forged = replace(event, signature=signature, **{name: getattr(another, name)})
        assert not _holds(codec, rows, row, row.topic, codec.encode(forged))

    altered()


def test_what_came_before_a_signature_is_signed_with_it(codec: Codec) -> None:
    @settings(max_examples=25, deadline=None)
    @given(pairs, st.data())
    def altered(pair: Any, data: st.DataObject) -> None:
        _, (rows, row, _, _) = _drawn(data, codec, pair)
        before = [one for one in rows if one.originator_version < row.originator_version]
        assume(before)
        gone = data.draw(st.sampled_from(before))
        fewer = [one for one in rows if one is not gone]
        more = [one._replace(state=one.state + b" ") if one is gone else one for one in rows]
        assert not standing(codec, fewer)[row.originator_version]
        assert not standing(codec, more)[row.originator_version]

    altered()


def test_a_signature_in_other_bytes_than_ours_does_not_hold(codec: Codec) -> None:
    """However the name of its field is written, whoever reads it is not told that it holds."""

    @settings(max_examples=20, deadline=None)
    @given(pairs, st.data())
    def rewritten(pair: Any, data: st.DataObject) -> None:
        _, (rows, row, _, _) = _drawn(data, codec, pair)
        forged = row.state.replace(b'"signature":', b'"\\u0073ignature":')
        assert not _holds(codec, rows, row, row.topic, forged)

    rewritten()
