"""What a dialect says of one kind of record, and what the doors make of it first of all."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct
from psycopg import AsyncConnection

from api.actions import Loaded, change, load
from api.call import Call
from api.records.shapes import Because, Firing, Moving
from api.reply import Reply
from domain.errors import Hidden, NotFound
from domain.events import Attempt, Event
from domain.given import own_fields
from domain.platform.users import User
from domain.workflow import Data, Record, Step, Workflow

R = TypeVar("R", bound=Record)


class PageQuery(Protocol):
    """The query of a list, whatever a dialect calls its parameters."""

    @property
    def size(self) -> int: ...  # noqa: D102

    @property
    def offset(self) -> int: ...  # noqa: D102


class RecordForm(Protocol):
    """How a dialect answers with a record: its version, what is shown of it, and the status."""

    def __call__(self, version: int, value: Any, status: int = 200) -> Reply: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Forms:
    """What a dialect says of all its kinds of records.

    page: the query of a list without filters; page_as_of: that of one with a past; paged: a page's reply, of a count
    and ready JSON joined with commas;
    because, because_query: the body and the query of a removal.
    """

    record: RecordForm
    page: type[Any]
    page_as_of: type[Any]
    paged: Callable[[Call, Any, int, bytes], Reply]
    because: type[Because] = Because
    because_query: type[Because] = Because


class Around(NamedTuple):
    """What a detail shows that its record does not hold.

    people: users by id; beside: what other records say, of the resource's own kind; base: where we are reached.
    """

    people: dict[int, User]
    beside: Any
    base: str


class Decided(NamedTuple):
    """The facts that a request is to append, and what its answer shows around the record."""

    events: Sequence[Event]
    around: Around


@dataclass(frozen=True, kw_only=True)
class Resource(Generic[R]):
    """A kind of record as its doors see it.

    reads: the permission to see one. hidden: states in which there is none to be seen, but for its history.
    one: the record as the read model has it. people: whose names its detail shows. beside: one query for what its
    detail shows of other records; beside_then: the same just before a moment; found_then: by the read model of what
    was. detail: its representation. answer: what the answer to a change shows instead.
    change, transition: the bodies of PUT and PATCH, and of a transition.
    updated: the fact of an edit: the fields of `change` that it records can be edited; the first of them stands for an
    edit of nothing. revising: the edits that changing some fields takes; revise, advance: the facts of an edit and of a
    transition, by the domain's rules.
    own: fields that only transitions take. eligible: those of them that name a user, and the permission that the user
    must hold; needs: those of them that who gives them must hold a permission for.
    check: raises InvalidInput for what is wrong with the body of PUT and PATCH beyond its shape.
    removal: the transition that DELETE fires.
    """

    forms: Forms
    workflow: Workflow[R]
    reads: str
    hidden: frozenset[str]
    one: Callable[[Call, AsyncConnection[Any], int], Awaitable[R | None]]
    people: Callable[[R], set[int]]
    detail: Callable[[R, Around], Struct]
    change: type[Moving]
    transition: type[Firing]
    updated: type[Event]
    revising: Callable[[Data], Sequence[Step[R]]]
    revise: Callable[[Call, R, Attempt, Data], Event]
    advance: Callable[[Call, R, Step[R], Attempt, Data], Awaitable[Event]]
    own: tuple[str, ...] = ()
    eligible: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Call, R, Around], None] | None = None
    beside: Callable[[Call, AsyncConnection[Any], R], Awaitable[Any]] | None = None
    beside_then: Callable[[Call, AsyncConnection[Any], R, datetime], Awaitable[Any]] | None = None
    found_then: bool = False
    answer: Callable[[Call, Any], Struct] | None = None
    removal: str = "cancel"

    @cached_property
    def editable(self) -> tuple[str, ...]:
        """The fields that an edit changes."""
        return tuple(name for name in self.change.__struct_fields__ if name in own_fields(self.updated))

    def takes(self, step: Step[R]) -> frozenset[str]:
        """Return those of the fields that only transitions take which this one takes."""
        return frozenset(self.own) & own_fields(step.event).keys()


def check_reads(resource: Resource[R], call: Call) -> None:
    """Raise Hidden where who asks may see no such record: before any is looked for, so that nothing tells if it is."""
    if not call.actor.may(resource.reads):
        raise Hidden(f"There is no {resource.workflow.kind} {call.record_id}.", resource.reads)


async def looked_up(resource: Resource[R], call: Call) -> Loaded:
    """Return the record that the path names, hidden ones too. Raises Hidden, then NotFound."""
    check_reads(resource, call)
    return await load(call, resource.workflow, call.record_id)


def check_present(resource: Resource[R], call: Call, record: R) -> None:
    """Raise NotFound where a record is not to be seen: hidden, or not for who asks."""
    check_reads(resource, call)
    if record.status in resource.hidden:
        raise NotFound(f"There is no {resource.workflow.kind} {call.record_id}.")


def present(resource: Resource[R], call: Call, loaded: Loaded) -> R:
    """Return a loaded record that is there for who asks. Raises NotFound."""
    record: R = loaded.record
    check_present(resource, call, record)
    return record


async def around(
    resource: Resource[R], call: Call, connection: AsyncConnection[Any], record: R, more: Iterable[int] = ()
) -> Around:
    """Return what a detail shows around a record, and `more` users: one query at most for what others say."""
    people = await call.doors.people.get(connection, resource.people(record).union(more))
    beside = None if resource.beside is None else await resource.beside(call, connection, record)
    return Around(people, beside, call.base_url)


def reply(resource: Resource[R], record: R, shown: Around, status: int = 200) -> Reply:
    """Return a record as its detail shows it."""
    return resource.forms.record(record.version, resource.detail(record, shown), status)


async def changed(resource: Resource[R], call: Call, decide: Callable[[Loaded], Awaitable[Decided]]) -> Reply:
    """Append what is decided on the record that the path names, and answer with it."""
    check_reads(resource, call)
    shown: Around | None = None

    async def facts(loaded: Loaded) -> Sequence[Event]:
        nonlocal shown
        events, shown = await decide(loaded)
        return events

    def render(record: R) -> Reply:
        assert shown is not None  # noqa: S101 - nothing is rendered before it is decided
        detail = resource.detail(record, shown)
        return resource.forms.record(record.version, resource.answer(call, detail) if resource.answer else detail)

    return await change(call, resource.workflow, call.record_id, facts, render, unchanged=lambda: call.stands_on)
