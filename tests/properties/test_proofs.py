"""The verifier takes a proof as it was given, and no other: whatever byte of it is another one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.bundle import written
from audit.verifier import Bundle, Refused, Trusted, canonical, check
from tests.support.proofs import KEY, STREAM, bundle_of, consistency_of, event

TRUSTED = [Trusted("", KEY.public_key().public_bytes_raw())]

states = st.one_of(
    st.binary(max_size=30),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3).map(
        lambda value: json.dumps(value).encode()
    ),
)
topics = st.from_regex(r"[a-zé]{1,6}\.[a-z]{1,6}", fullmatch=True)


@st.composite
def bundles(draw: st.DrawFn) -> bytes:
    """Return the proof of some events somewhere in a small ledger."""
    size = draw(st.integers(1, 40))
    places = sorted(draw(st.sets(st.integers(1, size), min_size=1, max_size=4)))
    begin = draw(st.integers(0, 1))
    events = [event(place, begin + n, draw(states), draw(topics)) for n, place in enumerate(places)]
    return written(bundle_of(events, size))


@st.composite
def consistencies(draw: st.DrawFn) -> bytes:
    """Return a proof between two small trees."""
    second = draw(st.integers(1, 40))
    return written(consistency_of(draw(st.integers(1, second)), second))


proofs = st.one_of(bundles(), consistencies())


def refused(data: bytes) -> bool:
    try:
        check(data)
    except Refused:
        return True
    return False


@given(proofs)
def test_what_was_made_is_taken(proof: bytes) -> None:
    """Each proof is good, with the key that is trusted and without one."""
    check(proof)
    check(proof, TRUSTED)


@given(proofs, st.data())
@pytest.mark.clause("11.10(b)", negative=True)
def test_any_byte_changed_is_refused(proof: bytes, data: st.DataObject) -> None:
    """One byte replaced by any other, left out, put in or swapped with its neighbour: refused."""
    place = data.draw(st.integers(0, len(proof) - 1))
    byte = data.draw(st.integers(0, 255))
    if byte != proof[place]:
        assert refused(proof[:place] + bytes([byte]) + proof[place + 1 :])
    assert refused(proof[:place] + proof[place + 1 :])
    assert refused(proof[:place] + bytes([byte]) + proof[place:])
    swapped = proof[:place] + proof[place : place + 2][::-1] + proof[place + 2 :]
    assert swapped == proof or refused(swapped)


@pytest.mark.parametrize("made", [bundle_of([event(2, 1, b'{"a":1}'), event(5, 2)], 6), consistency_of(3, 7)])
def test_every_bit_of_every_byte_counts(made: dict[str, Any]) -> None:
    """Exhaustively, over one proof of each kind: no bit can change, no byte go or come, at either end or between."""
    proof = written(made)
    check(proof)
    for place in range(len(proof)):
        for bit in range(8):
            assert refused(proof[:place] + bytes([proof[place] ^ 1 << bit]) + proof[place + 1 :]), (place, bit)
        assert refused(proof[:place] + proof[place + 1 :]), place
    for place in range(len(proof) + 1):
        for byte in b' \n0"\xef':
            assert refused(proof[:place] + bytes([byte]) + proof[place:]), (place, byte)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a bundle of three events in which something was changed, then written as it must be."""
    made = bundle_of([event(2, 1, b'{"a":1}'), event(5, 2), event(6, 3)], 8)
    change(made)
    return written(made)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda it: it["events"].clear(), "no event"),
        (lambda it: it["events"].pop(0), "beginning is missing"),
        (lambda it: it["events"].pop(1), "does not follow"),
        (lambda it: it["events"].reverse(), "does not follow"),
        (lambda it: it["events"].append(it["events"][-1]), "does not follow"),
        (lambda it: it.update(stream=str(STREAM).upper()), "not written as a UUID"),
        (lambda it: it.update(stream=STREAM.hex), "not written as a UUID"),
        (lambda it: it.update(stream="nobody"), "no UUID"),
        (lambda it: it.update(format="flowledger-proof/2"), "no proof that this verifier knows"),
        (lambda it: it.update(more=1), "does not have the fields"),
        (lambda it: it.pop("key"), "does not have the fields"),
        (lambda it: it["events"][0].update(version=True), "not of its type"),
        (lambda it: it["events"][0].update(position=2.0), "not of its type"),
        (lambda it: it["events"][0].update(position=0), "beyond the tree"),
        (lambda it: it["events"][0].update(position=2**60), "out of its range"),
        (lambda it: it["events"][0].update(recorded_at=-1), "out of its range"),
        (lambda it: it["events"][0]["proof"].append(it["events"][0]["proof"][0]), "too long"),
        (lambda it: it["events"][0]["proof"].pop(), "too short"),
        (lambda it: it["events"][0]["proof"].append("AAAA"), "no hash"),
        (lambda it: it["events"][0]["proof"].append(7), "not base64"),
        (lambda it: it["events"][0].update(state="e30"), "not base64"),
        (lambda it: it["events"][0].update(state="e31="), "not canonical base64"),
        (lambda it: it.update(checkpoint=it["checkpoint"] + it["checkpoint"].split("\n")[-2] + "\n"), "one signature"),
        (lambda it: it.update(checkpoint=it["checkpoint"].replace("\n8\n", "\n9\n")), "signature is false"),
        (lambda it: it.update(checkpoint=it["checkpoint"].replace("\n8\n", "\n08\n")), "signed note"),
        (lambda it: it.update(key=it["key"].replace("flowledger", "flow")), "not its own"),
        (lambda it: it.update(key="none"), "not a verifier key"),
    ],
)
def test_what_is_written_well_and_is_not_so_is_refused(change: Callable[[dict[str, Any]], object], says: str) -> None:
    """Nor does a forger get through who writes his changes as they must be written; he is told what is wrong."""
    with pytest.raises(Refused, match=says):
        check(changed(change))


@given(st.binary(max_size=60))
def test_what_is_no_proof_is_refused_and_nothing_else_happens(data: bytes) -> None:
    """Whatever is in a file, the verifier comes to its end."""
    assert refused(data)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b'{"a":NaN}', b'{"a":1e400}', b'{"a":1,"a":1}', b'{"b":1,"a":2}', b' {"a":1}',
        b'{"a":-0}', b'{"a":"\\u0061"}', b'{"a":"\\/"}', b'{"a":"\\ud800"}', b'\xef\xbb\xbf{"a":1}', b'{"a":"\xff"}',
        b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_one_thing_is_written_in_one_way(data: bytes) -> None:
    """Other spellings of the same JSON, and what is none, are refused before anything is looked at."""
    assert refused(data)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda it: st.lists(it, max_size=3)))
def test_canonical_json_is_read(value: Any) -> None:
    """Whatever text and numbers are in it, JSON that is written as RFC 8785 says is read."""
    assert canonical(written({"it": value})) == {"it": value}


def test_a_bundle_says_what_was_recorded() -> None:
    """The events come back as they were, with the tree that was signed."""
    events = [event(2, 1, b'{"a":1}'), event(5, 2, b"\x00not JSON")]
    found = check(written(bundle_of(events, 6)), TRUSTED)
    assert isinstance(found, Bundle)
    assert (found.stream, found.events, found.head.size) == (STREAM, events, 6)


def test_an_untrusted_key_is_refused() -> None:
    """A bundle that is good in itself is refused where another key is the trusted one, or one of another ledger."""
    proof = written(bundle_of([event(1, 1)], 1))
    raw = KEY.public_key().public_bytes_raw()
    check(proof, [Trusted("", bytes(32)), Trusted("", raw)])
    for trusted in (Trusted("", bytes(32)), Trusted("another.example/ledger", raw)):
        with pytest.raises(Refused, match="another key"):
            check(proof, [trusted])
