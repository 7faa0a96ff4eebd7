"""One record at the mercy of everybody: what holds for every workflow, whatever is tried."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant
from msgspec import UNSET
from msgspec.structs import replace

from domain.errors import Conflict, Denied, InvalidInput, NotFound
from domain.events import Actor, Attempt, Event, Recorded, stream_id
from domain.platform.roles import BUILT_IN
from domain.workflow import Workflow
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.rows import Row
from ledger.vault import Vault
from tests.domain.people import NOW, actor, signature
from tests.domain.table_suite import Facts
from tests.properties.strategies import with_keys

NUMBERS = st.integers(1, 5)
ROLES = st.sampled_from(sorted(BUILT_IN))
ACTORS = st.builds(
    lambda number, roles, department: actor(number, *roles, department=department),
    NUMBERS,
    st.sets(ROLES, min_size=1, max_size=3),
    st.sampled_from(["", "Lab", "Plant"]),
)
#: Often what a step takes, now and then what it does not.
WORDS = st.sampled_from(["because", "so", "", " ", None])
ODD = st.sampled_from([None, "", "odd", 0, -1, True, 3.5, (), {"a": 1}, UNSET, NOW])
STRANGE = st.dictionaries(st.sampled_from(["actor", "to_state", "signature", "number", "chain", "x"]), ODD, max_size=2)


class Commands(RuleBasedStateMachine):
    """The state stays inside the table as the facts state it, and what was stored tells all of the record."""

    workflow: ClassVar[Workflow[Any]]
    facts: ClassVar[Facts]

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.codec = Codec(with_keys(Vault(Keys(Path(self.folder.name)))))
        self.stream = stream_id(self.workflow.kind, 1)
        self.rows: list[Row] = []
        self.live: Any = None

    def teardown(self) -> None:
        self.folder.cleanup()

    @invariant()
    def the_state_is_one_of_the_tables(self) -> None:
        assert self.live is None or self.live.status in self.facts.states

    def attempt(self, who: Actor, reason: str | None, *, signed: bool) -> Attempt:
        given = signature(self.live, who.id) if signed else None
        return Attempt(actor=who, reason=reason, signature=given, eligible=frozenset({1, 2, 3, 4}))

    def attempted(self, triggers: set[str], decide: Callable[[Any], Event]) -> None:
        """Record what is decided, unless it is refused, by one of these steps."""
        it, table = self.live, self.facts.table
        try:
            event = decide(it)
        except (Denied, InvalidInput, Conflict, NotFound):
            return
        assert event.from_state == it.status
        assert event.topic in {self.facts.records[trigger] for trigger in triggers}
        assert any(event.to_state in table[trigger].get(it.status, ((), ()))[0] for trigger in triggers)
        self.record(event)

    def record(self, event: Event) -> None:
        """Record a fact: what was stored folds to the live record."""
        version = len(self.rows) + 1
        at = NOW + timedelta(minutes=version)
        # What is allotted under the lock: any number that was not given out yet.
        allotted = {
            name: version for name, counter in event.numbered.items() if "{" not in counter and not getattr(event, name)
        }
        placed = Recorded(version, self.stream, version, at, replace(event, **allotted))
        self.rows.append(Row(version, self.stream, version, event.topic, self.codec.encode(placed.event), at))
        self.live = self.workflow.evolve(self.live, placed)
        assert self.workflow.fold(self.codec.recorded(self.rows)) == self.live
