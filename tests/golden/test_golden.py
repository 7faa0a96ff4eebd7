"""What was ever stored can be read for ever."""

import pytest

from domain.catalogue import WORKFLOWS
from domain.events import FACTS, Recorded, Signature, stream_id
from tests.domain.people import NOW
from tests.golden.examples import example, wanting
from tests.golden.store import CODEC, Golden, digest, manifest, stored

EXAMPLES = stored()
BEGINNINGS = {golden.topic: golden for golden in reversed(EXAMPLES)}
each = pytest.mark.parametrize("golden", EXAMPLES, ids=lambda golden: golden.name)


@each
def test_an_example_encodes_to_the_bytes_that_it_was_decoded_from(golden: Golden) -> None:
    assert CODEC.encode(golden.event()) == golden.state


@each
def test_an_example_folds(golden: Golden) -> None:
    event = golden.event()
    flow = WORKFLOWS[event.kind]
    stream = stream_id(event.kind, 1)
    first = BEGINNINGS[flow.creation.event.topic].event() if flow.creation else event
    events = [first, event]
    record = flow.fold([Recorded(n, stream, n, NOW, one) for n, one in enumerate(events, 1)])
    assert (record.version, record.stream) == (2, stream)


@each
def test_the_names_in_an_example_open_and_its_signature_holds(golden: Golden) -> None:
    signature = golden.event().signature
    assert isinstance(signature, Signature)
    assert signature.name.get("name") == "Ana Müller"
    assert CODEC.holds(golden.event())
    assert b"Ana" not in golden.state
    assert b"ana@example.com" not in golden.state


def test_every_fact_has_an_example_as_it_is_stored_today() -> None:
    states = {golden.state for golden in EXAMPLES}
    missing = [topic for topic in FACTS if CODEC.encode(example(topic)) not in states]
    assert not missing, "run python -m tests.golden.make"


@pytest.mark.parametrize("topic", sorted(FACTS))
def test_todays_example_gives_every_field(topic: str) -> None:
    assert set(wanting(example(topic))) <= {"discovered_date"}


def test_no_example_was_changed_removed_or_slipped_in() -> None:
    assert {golden.name: digest(golden.state) for golden in EXAMPLES} == manifest()
