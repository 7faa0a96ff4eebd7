"""Whatever processes do, and whichever of them dies: never more than the limit, and all of it where none dies."""

import asyncio
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from api.limits import Limits
from api.limits_portion import HOUR_SECONDS
from tests.api.counting import Clock, MemoryCounts, admitted

_CALLERS = ("user:1", "user:2", "address:203.0.113.9")


class Processes(RuleBasedStateMachine):
    """Some processes that count for the same callers, on one clock."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.counts = MemoryCounts()
        self.processes: list[Limits] = []
        self.admitted: Counter[tuple[int, str]] = Counter()
        self.killed_in: set[int] = set()

    def teardown(self) -> None:
        self.loop.close()

    @initialize(ceiling=st.integers(1, 300))
    def configure(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.processes = [self._process(), self._process()]

    @rule(at=st.integers(0, 1), caller=st.sampled_from(_CALLERS), times=st.integers(1, 120))
    def ask_one_after_the_other(self, at: int, caller: str, times: int) -> None:
        for _ in range(times):
            self._note(caller, [self.run(admitted(self.processes[at], caller, self.ceiling))])

    @rule(at=st.integers(0, 1), caller=st.sampled_from(_CALLERS), times=st.integers(2, 120))
    def ask_together(self, at: int, caller: str, times: int) -> None:
        async def all_at_once() -> list[bool]:
            return await asyncio.gather(*(admitted(self.processes[at], caller, self.ceiling) for _ in range(times)))

        self._note(caller, self.run(all_at_once()))

    @rule(seconds=st.sampled_from((0.5, 3, 11, HOUR_SECONDS)))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(at=st.integers(0, 1))
    def sweep(self, at: int) -> None:
        self.run(self.processes[at].sweep())

    @rule(at=st.integers(0, 1))
    def stop_and_start(self, at: int) -> None:
        self.run(self.processes[at].stop())
        self.processes[at] = self._process()

    @rule(at=st.integers(0, 1))
    def kill(self, at: int) -> None:
        self.killed_in.add(self._hour)
        self.processes[at] = self._process()

    @rule(caller=st.sampled_from(_CALLERS))
    def use_all_of_it(self, caller: str) -> None:
        """Where none was killed, what one process gives back another can use, to the last."""
        if self.clock.now % HOUR_SECONDS > HOUR_SECONDS - 60:
            self.clock.now += 60
        for at in (0, 1):
            self.clock.now += 1.5
            while self.run(admitted(self.processes[at], caller, self.ceiling)):
                self._note(caller, [True])
            self.run(self.processes[1 - at].stop())
            self.processes[1 - at] = self._process()
        self.clock.now += 1.5
        while self.run(admitted(self.processes[1], caller, self.ceiling)):
            self._note(caller, [True])
        if self._hour not in self.killed_in:
            assert self.admitted[self._hour, caller] == self.ceiling

    @invariant()
    def never_more_than_the_limit(self) -> None:
        assert all(count <= self.ceiling for count in self.admitted.values())
        assert all(count >= self.admitted[key] for key, count in self.counts.taken.items())

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    @property
    def _hour(self) -> int:
        return int(self.clock.now // HOUR_SECONDS)

    def _process(self) -> Limits:
        return Limits(self.counts, self.clock, most_callers=2)

    def _note(self, caller: str, answers: list[bool]) -> None:
        self.admitted[self._hour, caller] += sum(answers)


Processes.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestProcesses = Processes.TestCase
