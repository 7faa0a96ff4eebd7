"""Whatever is tried, by whomever, with whatever: the record stays inside the table, and its story tells all of it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import UNSET

from domain.errors import Conflict, Denied, InvalidInput
from domain.events import Actor, Attempt, Event, Recorded
from domain.platform.roles import ROLES
from domain.quality.config import DEFAULT
from domain.quality.deviation import DEVIATIONS, advance, record_findings, report, revise
from domain.quality.deviation_facts import Deviation
from ledger.codec import Codec
from ledger.keys import Keys, Vault
from ledger.rows import Row
from tests.domain.deviations import FOUND, REPORT
from tests.domain.facts_table import RECORDS, STATES, TABLE
from tests.domain.people import NOW, STREAM, actor, signature
from tests.properties.strategies import with_keys

NUMBERS = st.integers(1, 5)
TRIGGERS = st.sampled_from(sorted(TABLE))
ACTORS = st.builds(
    lambda number, roles, department: actor(number, *roles, department=department),
    NUMBERS,
    st.sets(st.sampled_from(sorted(ROLES)), min_size=1, max_size=3),
    st.sampled_from(["", "Lab", "Plant"]),
)
#: Often what the step takes, now and then what it does not.
WORDS = st.sampled_from(["because", "so", "", " ", None])
ODD = st.sampled_from([None, "", "odd", 0, -1, True, 3.5, (), {"a": 1}, UNSET, NOW])
STRANGE = st.dictionaries(st.sampled_from(["actor", "to_state", "signature", "number", "chain", "x"]), ODD, max_size=2)
OWN = st.fixed_dictionaries(
    {},
    optional={"investigator": NUMBERS | ODD, "question": WORDS | ODD, "answer": WORDS | ODD},
)
EDITS = st.fixed_dictionaries(
    {},
    optional={
        "title": WORDS | ODD,
        "department": st.sampled_from(["Lab", "Plant"]),
        "classification": st.sampled_from(["MINOR", "MAJOR", "CRITICAL"]) | ODD,
        "due_date": ODD,
    },
)


class Deviations(RuleBasedStateMachine):
    """One deviation, at the mercy of everybody."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.codec = Codec(with_keys(Vault(Keys(Path(self.folder.name)))))
        self.rows: list[Row] = []
        self.live: Deviation | None = None

    def teardown(self) -> None:
        self.folder.cleanup()

    @initialize(number=NUMBERS, classification=st.sampled_from(["MINOR", "MAJOR", "CRITICAL"]))
    def reported(self, number: int, classification: str) -> None:
        data = {**REPORT, "classification": classification}
        self._record(report(Attempt(actor=actor(number, "user")), data, DEFAULT))

    @rule(who=ACTORS, trigger=TRIGGERS, own=OWN, strange=STRANGE, reason=WORDS, signed=st.booleans())
    def anybody_tries_anything(
        self, who: Actor, trigger: str, own: dict[str, Any], strange: dict[str, Any], reason: str | None, signed: bool
    ) -> None:
        step = DEVIATIONS.step(trigger)
        self._try(
            {trigger}, lambda it: advance(it, step, self._attempt(who, reason, signed), {**own, **strange}, DEFAULT)
        )

    @rule(trigger=TRIGGERS, number=NUMBERS, role=st.sampled_from(sorted(ROLES)), named=NUMBERS)
    def somebody_tries_what_may_well_be_right(self, trigger: str, number: int, role: str, named: int) -> None:
        data = {
            "assign_investigator": {"investigator": named},
            "reassign_investigator": {"investigator": named},
            "request_information": {"question": "Why?"},
            "provide_information": {"answer": "So"},
        }.get(trigger, {})
        step = DEVIATIONS.step(trigger)
        who = actor(number, role)
        self._try({trigger}, lambda it: advance(it, step, self._attempt(who, "because", True), data, DEFAULT))

    @precondition(lambda self: self.live.status != "CANCELLED")
    @rule(drawn=st.data(), number=NUMBERS)
    def it_goes_on(self, drawn: st.DataObject, number: int) -> None:
        """Somebody who may do it does what is offered, so that the stories are long."""
        it, who = self._it(), actor(number, "administrator")
        if it.status == "UNDER_INVESTIGATION" and it.investigation is None:
            self._try({"record_investigation"}, lambda it: record_findings(it, self._attempt(who, None, False), FOUND))
        offers = [offer.name for offer in DEVIATIONS.offers(it, who) if offer.allowed]
        onward = [name for name in offers if name not in ("cancel", "reassign_investigator")]
        if onward:
            trigger = drawn.draw(st.sampled_from(onward))
            self.somebody_tries_what_may_well_be_right(trigger, number, "administrator", 1 + number % 4)

    @rule(who=ACTORS, changes=EDITS, reason=WORDS)
    def anybody_edits(self, who: Actor, changes: dict[str, Any], reason: str | None) -> None:
        steps = {"edit", "classify"}
        self._try(steps, lambda it: revise(it, self._attempt(who, reason, False), changes, DEFAULT))

    @rule(who=ACTORS, names=st.sets(st.sampled_from(sorted(FOUND))))
    def anybody_writes_down_what_was_found(self, who: Actor, names: set[str]) -> None:
        changes = {name: FOUND[name] for name in names}
        self._try(
            {"record_investigation"},
            lambda it: record_findings(it, self._attempt(who, None, False), changes),
        )

    @invariant()
    def the_state_is_one_of_the_tables(self) -> None:
        assert self.live is None or self.live.status in STATES

    @invariant()
    def what_was_stored_folds_to_the_live_record(self) -> None:
        assert DEVIATIONS.fold(self.codec.recorded(self.rows)) == self.live

    def _it(self) -> Deviation:
        assert self.live is not None
        return self.live

    def _attempt(self, who: Actor, reason: str | None, signed: bool) -> Attempt:
        given = signature(self._it(), who.id) if signed else None
        return Attempt(actor=who, reason=reason, signature=given, eligible=frozenset({1, 2, 3, 4}))

    def _try(self, triggers: set[str], decide: Callable[[Deviation], Event]) -> None:
        it = self._it()
        try:
            event = decide(it)
        except (Denied, InvalidInput, Conflict):
            return
        assert event.from_state == it.status
        assert event.topic in {RECORDS[trigger] for trigger in triggers}
        assert any(event.to_state in TABLE[trigger].get(it.status, ((), ()))[0] for trigger in triggers)
        self._record(event)

    def _record(self, event: Event) -> None:
        version = len(self.rows) + 1
        at = NOW + timedelta(minutes=version)
        self.rows.append(Row(version, STREAM, version, event.topic, self.codec.encode(event), at))
        self.live = DEVIATIONS.evolve(self.live, Recorded(version, STREAM, version, at, event))


Deviations.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDeviations = Deviations.TestCase
