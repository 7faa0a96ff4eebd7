"""Facts survive being stored, and fold in whatever order they come."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue import WORKFLOWS
from domain.events import FACTS, Recorded
from domain.platform.erased import concealed
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.vault import Vault
from projections.history import history
from tests.domain.people import actor
from tests.properties.strategies import facts, streams, with_keys


@pytest.fixture(scope="module")
def codec() -> Iterator[Codec]:
    with TemporaryDirectory() as folder:
        yield Codec(with_keys(Vault(Keys(Path(folder)))))


@pytest.mark.parametrize("topic", sorted(FACTS))
def test_a_fact_is_the_same_after_it_was_stored(codec: Codec, topic: str) -> None:
    @settings(max_examples=25, deadline=None)
    @given(facts(topic))
    def stored(event: object) -> None:
        assert isinstance(event, FACTS[topic])
        state = codec.encode(event)
        again = codec.decode(topic, state)
        assert again == event
        assert again is not None
        assert codec.encode(again) == state

    stored()


@pytest.mark.parametrize("kind", sorted(WORKFLOWS))
def test_folding_never_fails_and_moves_the_version_with_every_event(kind: str) -> None:
    flow = WORKFLOWS[kind]

    @settings(max_examples=30, deadline=None)
    @given(streams(kind))
    def folds(events: list[Recorded]) -> None:
        record = flow.fold(events)
        assert record is not None
        assert (record.version, record.stream) == (len(events), events[0].stream)

    folds()


@pytest.mark.parametrize("kind", sorted(WORKFLOWS))
def test_every_record_has_a_history_of_one_entry_an_event(kind: str) -> None:
    flow = WORKFLOWS[kind]

    @settings(max_examples=30, deadline=None)
    @given(streams(kind))
    def told(events: list[Recorded]) -> None:
        # What an erasure took is gone from all entries; in other ways they are the events.
        assert [entry.recorded for entry in history(flow, events)] == list(concealed(events))

    told()


@pytest.mark.parametrize("kind", sorted(WORKFLOWS))
def test_what_can_be_done_with_any_record_can_be_told(kind: str) -> None:
    """However odd a record's history, asking what may be done with it never fails."""
    flow = WORKFLOWS[kind]

    @settings(max_examples=30, deadline=None)
    @given(streams(kind), st.booleans())
    def offered(events: list[Recorded], administrator: bool) -> None:
        offers = flow.offers(flow.fold(events), actor(1, *["administrator"] * administrator))
        assert len(offers) == len([step for step in flow.steps if not step.edit])

    offered()
