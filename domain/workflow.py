"""The engine: a workflow is one table of steps.

`decide` runs the state machine, the guards and the permissions, once. Evolving is another matter: each workflow gives
a total function from record and recorded event to record, which never asks the table, so that a rule changed next
year can not invalidate last year's history.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType, SimpleNamespace
from typing import Generic
from uuid import UUID

import msgspec
from transitions import EventData, Machine, MachineError

from domain.errors import Conflict, Denied, Fault, InvalidInput
from domain.events import Actor, Attempt, Event, Recorded
from domain.given import Choices, faults_in, missing_in
from domain.table import Data, Guard, R, Record, Step, Who, check

__all__ = ["Data", "Guard", "Offer", "Record", "Step", "Who", "Workflow"]


class Offer(msgspec.Struct, frozen=True):
    """What `GET …/transitions/` says of one step."""

    name: str
    label: str
    to: str
    allowed: bool
    why_not: tuple[str, ...]
    requires: tuple[str, ...]


@dataclass(frozen=True)
class Workflow(Generic[R]):
    """A state machine as a table.

    creation: None where nothing creates a record: each is there by nature, in the first state.
    choices: the closed sets of values that its fields take.
    native: a stream's record as it is before its first event, for records that are there by nature.
    """

    kind: str
    states: tuple[str, ...]
    creation: Step[R] | None
    steps: tuple[Step[R], ...]
    evolve: Callable[[R | None, Recorded], R]
    choices: Choices = field(default_factory=lambda: MappingProxyType({}))
    native: Callable[[UUID], R | None] = lambda stream: None
    _by_trigger: dict[str, Step[R]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a table with a fault in it, at import: see `table.check`."""
        check(self.kind, self.states, self.creation, self.steps)
        object.__setattr__(self, "_by_trigger", {step.trigger: step for step in self.steps})

    @property
    def beginning(self) -> str:
        """Return the state that a record begins in."""
        return self.creation.destinations[0] if self.creation else self.states[0]

    @property
    def all_steps(self) -> tuple[Step[R], ...]:
        """Return every row: the creation, if there is one, and the steps."""
        return (self.creation, *self.steps) if self.creation else self.steps

    @cached_property
    def machine(self) -> Machine:
        """The table as a `transitions` machine; records are never its models."""
        machine = Machine(model=None, states=list(self.states), initial=None, auto_transitions=False, send_event=True)
        for step in self.steps:
            for source in step.sources:
                for target in step.destinations if step.destination is not None else (source,):
                    machine.add_transition(step.trigger, source, target, conditions=[_chosen])
        return machine

    def step(self, trigger: str) -> Step[R]:
        """Return a step, edits too, by a name that our own code says. Raises KeyError where there is none."""
        return self._by_trigger[trigger]

    def transition(self, trigger: str) -> Step[R]:
        """Return a step that a client names; edits have doors of their own. Raises InvalidInput naming all."""
        found = self._by_trigger.get(trigger)
        if found is None or found.edit:
            names = ", ".join(step.trigger for step in self.steps if not step.edit)
            raise InvalidInput([Fault("transition", f"{trigger!r} is not a transition. There are: {names}.")])
        return found

    def leading_to(self, record: R, status: str) -> Step[R]:
        """Return the one transition that leads from the record's state to another. Raises Conflict where none does."""
        found = [
            step
            for step in self.steps
            if not step.edit and record.status in step.sources and step.leads_to(record) == status
        ]
        if len(found) != 1:
            what = "no transition leads" if not found else "more than one transition leads"
            raise Conflict(f"From {record.status} {what} to {status}.")
        return found[0]

    def authorize(self, step: Step[R], record: R, actor: Actor) -> None:
        """Raise Denied unless one of the step's rules covers the actor."""
        rules = step.rules(record.status)
        if not any(rule.covers(record, actor) for rule in rules):
            raise Denied(f"{step.label}: {_only(rules)}.")

    def refusals(self, step: Step[R], record: R, attempt: Attempt, data: Data | None) -> list[str]:
        """Return each rule by which the state or a guard refuses the step. `data` None: asked before any is given."""
        if record.status not in step.sources:
            return [f"{step.label} is not possible in {record.status}, only in {', '.join(step.sources)}."]
        guards = [guard for guard in step.guards if data is not None or not guard.asks_data]
        return [guard.says for guard in guards if not guard.holds(record, attempt, data or {})]

    def decide(self, step: Step[R], record: R, attempt: Attempt, data: Data) -> Event:
        """Return the fact that firing the step is.

        Raises Denied, then InvalidInput with every fault of what is given, then Conflict with every rule that refuses.
        """
        self.authorize(step, record, attempt.actor)
        _check_signer(record, attempt)
        self._check_given(step, record, attempt, data)
        reasons = self.refusals(step, record, attempt, data)
        if reasons:
            raise Conflict(*reasons)
        target = self._fire(step, record)
        return step.event(**attempt.envelope(), from_state=record.status, to_state=target, **data)

    def create(self, attempt: Attempt, data: Data) -> Event:
        """Return the fact that a new record is. Raises Denied, then InvalidInput with every fault of what is given."""
        step = self.creation
        assert step is not None, f"nothing creates a {self.kind}"  # noqa: S101 - a record by nature has no such door
        if not any(rule.held_by(attempt.actor) for rule in step.who):
            raise Denied(f"{step.label}: {_only(step.who)}.")
        self._check_given(step, None, attempt, data)
        return step.event(**attempt.envelope(), to_state=step.destinations[0], **data)

    def offers(self, record: R, actor: Actor) -> list[Offer]:
        """Return every transition, whether the actor may fire it now, and why not."""
        attempt = Attempt(actor=actor)
        return [self._offer(step, record, attempt) for step in self.steps if not step.edit]

    def fold(self, events: Sequence[Recorded]) -> R | None:
        """Fold a stream's events into its record; None for an empty stream."""
        record: R | None = None
        for event in events:
            record = self.evolve(record, event)
        return record

    def _check_given(self, step: Step[R], record: R | None, attempt: Attempt, data: Data) -> None:
        words = {"reason": attempt.reason, "comment": attempt.comment, "signature": attempt.signature}
        asked = step.requires if record is None else step.asks_for(record, data)
        faults = missing_in(step.event, asked, {**data, **words})
        faults += faults_in(step.event, data, self.choices)
        faults += step.check(record, data)
        if faults:
            # One fault a field: what is missing is not of a wrong type, too.
            raise InvalidInput(tuple({fault.field: fault for fault in reversed(faults)}.values())[::-1])

    def _offer(self, step: Step[R], record: R, attempt: Attempt) -> Offer:
        why_not = self.refusals(step, record, attempt, None)
        try:
            self.authorize(step, record, attempt.actor)
        except Denied as denied:
            why_not.append(str(denied))
        here = record.status in step.sources
        target = step.leads_to(record) if here else step.destinations[0]
        return Offer(step.trigger, step.label, target, not why_not, tuple(why_not), step.asks_for(record, {}))

    def _fire(self, step: Step[R], record: R) -> str:
        # A model thrown away after one step: the library must never touch a record.
        model = SimpleNamespace(state=record.status)
        try:
            fired = self.machine.events[step.trigger].trigger(model, target=step.leads_to(record))
        except MachineError as refused:
            raise Conflict(str(refused)) from refused
        if not fired:  # The library answers False without a word where every condition fails.
            raise Conflict(f"{step.label} leads nowhere from {record.status}.")
        return str(model.state)


def _chosen(event: EventData) -> bool:
    return event.transition is not None and event.transition.dest == event.kwargs["target"]


def _only(rules: Iterable[Who[R]]) -> str:
    return f"only {' or '.join(dict.fromkeys(rule.says for rule in rules))}"


def _check_signer(record: Record, attempt: Attempt) -> None:
    """Raise Denied for a signature that somebody else gave, or that was given for another place in the ledger."""
    it = attempt.signature
    if it is None:
        return
    if it.signer != attempt.actor.id:
        raise Denied("The signature is not of who acts.")
    if (it.stream, it.version) != (record.stream, record.version + 1):
        raise Denied("The signature was given for another version of the record.")
