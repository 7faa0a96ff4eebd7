"""The rows of a workflow's table: steps, who may fire them, and their guards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from domain.errors import Fault
from domain.events import Actor, Attempt, Event

#: Parts of a step's name that are read as letters.
_ABBREVIATIONS = {"qa": "QA"}


class Record(Protocol):
    """A folded record: its state, its stream, and the version of the last event in it."""

    @property
    def status(self) -> str: ...  # noqa: D102

    @property
    def stream(self) -> UUID: ...  # noqa: D102

    @property
    def version(self) -> int: ...  # noqa: D102


R = TypeVar("R", bound=Record)
Data = Mapping[str, Any]


def no_faults(_record: Record | None, _data: Data) -> Sequence[Fault]:
    """Find nothing wrong with what is given."""
    return ()


def overwrites_nothing(_record: Record, _data: Data) -> bool:
    """Say that nothing which is recorded already is changed or removed."""
    return False


@dataclass(frozen=True)
class Who(Generic[R]):
    """Who may fire a step: holders of a permission (None: anybody who is signed in), where `relation` holds, in
    `states` (empty: in any).

    `says` completes "only …": `the investigator`.
    The administrator holds every permission and every relation; only guards bind it.
    """

    permission: str | None
    says: str
    relation: Callable[[R, Actor], bool] | None = None
    states: frozenset[str] = frozenset()

    def covers(self, record: R, actor: Actor) -> bool:
        """Tell whether this rule lets the actor at the record."""
        if actor.administrator:
            return True
        return self.held_by(actor) and (self.relation is None or self.relation(record, actor))

    def held_by(self, actor: Actor) -> bool:
        """Tell whether the actor holds what the rule asks for, whatever the record is."""
        return self.permission is None or actor.may(self.permission)


@dataclass(frozen=True)
class Guard(Generic[R]):
    """A condition on the record, who acts and what is given. `asks_data`: it can't be answered before data is given."""

    says: str
    holds: Callable[[R, Attempt, Data], bool]
    asks_data: bool = False


@dataclass(frozen=True)
class Step(Generic[R]):
    """One row of the table.

    destination: a state; None for "the same"; or several of which `choose` names one.
    requires: what must be given beside the trigger (`reason`, `comment`, a field of the step's own).
    reason_in: states in which a reason must be given although it is not required elsewhere.
    overwrites: whether what is recorded already would be changed or removed; where it would, a reason must be given in
    the states of `reason_over`.
    check: what is wrong with what is given beyond its types and closed sets; the record is None at its creation.
    edit: it changes fields and is fired through PUT and PATCH, not as a transition.
    """

    trigger: str
    sources: tuple[str, ...]
    destination: str | tuple[str, ...] | None
    event: type[Event]
    who: tuple[Who[R], ...]
    guards: tuple[Guard[R], ...] = ()
    requires: tuple[str, ...] = ()
    reason_in: frozenset[str] = frozenset()
    reason_over: frozenset[str] = frozenset()
    overwrites: Callable[[R, Data], bool] = overwrites_nothing
    signed: bool = False
    choose: Callable[[R], str] | None = None
    check: Callable[[R | None, Data], Sequence[Fault]] = no_faults
    edit: bool = False

    @property
    def label(self) -> str:
        """The trigger as a person reads it."""
        words = " ".join(_ABBREVIATIONS.get(word, word) for word in self.trigger.split("_"))
        return words[:1].upper() + words[1:]

    @property
    def destinations(self) -> tuple[str, ...]:
        """Every state that the step may lead to."""
        if self.destination is None:
            return self.sources
        return (self.destination,) if isinstance(self.destination, str) else self.destination

    def leads_to(self, record: R) -> str:
        """Return the state that the step leads to from this record."""
        if self.choose is not None:
            return self.choose(record)
        return record.status if self.destination is None else self.destinations[0]

    def asks(self, status: str) -> tuple[str, ...]:
        """Return everything that must be given to fire the step in a state."""
        late = ("reason",) if status in self.reason_in and "reason" not in self.requires else ()
        return self.requires + late + (("signature",) if self.signed else ())

    def asks_for(self, record: R, data: Data) -> tuple[str, ...]:
        """Return everything that must be given to fire the step on a record with this data."""
        asked = self.asks(record.status)
        late = record.status in self.reason_over and "reason" not in asked and self.overwrites(record, data)
        return (*asked, "reason") if late else asked

    def rules(self, status: str) -> tuple[Who[R], ...]:
        """Return the rules that say who may fire the step; from a state that it does not leave, all of them."""
        if status not in self.sources:
            return self.who
        return tuple(rule for rule in self.who if not rule.states or status in rule.states)


def check(kind: str, states: tuple[str, ...], creation: Step[R] | None, steps: tuple[Step[R], ...]) -> None:
    """Raise ValueError for a table with a fault in it.

    Triggers are unique, facts are of this kind, states known and reachable, choices possible, each state that a step
    leaves has somebody who may fire it there, and what is required can be recorded.
    """
    triggers = [step.trigger for step in steps]
    if len(set(triggers)) != len(triggers):
        raise ValueError(f"{kind}: two steps share a trigger")
    for step in (creation, *steps) if creation else steps:
        _check_step(kind, frozenset(states), step)
    if not all(step.sources for step in steps):
        raise ValueError(f"{kind}: a step leaves no state")
    reached = {*creation.destinations} if creation else {states[0]}
    for _ in states:
        reached |= {to for step in steps if reached & set(step.sources) for to in step.destinations}
    if reached < set(states):
        raise ValueError(f"{kind}: no way leads to {sorted(set(states) - reached)}")


def _check_step(kind: str, states: frozenset[str], step: Step[R]) -> None:
    if step.event.kind != kind:
        raise ValueError(f"{step.trigger}: {step.event.topic!r} is not a fact of {kind!r}")
    unknown = {*step.sources, *step.destinations} - states
    if unknown:
        raise ValueError(f"{step.trigger}: there are no states {sorted(unknown)}")
    if isinstance(step.destination, tuple) != (step.choose is not None):
        raise ValueError(f"{step.trigger}: a choice takes several destinations and a chooser")
    elsewhere = step.reason_in.union(step.reason_over, *(rule.states for rule in step.who)) - set(step.sources)
    if elsewhere:
        raise ValueError(f"{step.trigger}: rules for {sorted(elsewhere)}, which it does not leave")
    if bool(step.reason_over) == (step.overwrites is overwrites_nothing):
        raise ValueError(f"{step.trigger}: a reason for overwriting takes states, and what tells it")
    if not all(step.rules(status) for status in step.sources) or not step.who:
        raise ValueError(f"{step.trigger}: there is a state in which nobody may fire it")
    strange = set(step.requires) - set(step.event.__struct_fields__)
    if strange:
        raise ValueError(f"{step.trigger}: {step.event.topic!r} does not record {sorted(strange)}")
