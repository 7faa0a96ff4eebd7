"""The one write path: load, verify the signature, decide, append, wait for the read models."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
import psycopg

from api.call import Call
from api.reply import Reply
from api.signing import signed
from domain.errors import Conflict, NotFound
from domain.events import Attempt, Event, Recorded, stream_id
from domain.workflow import Record, Workflow
from ledger.append import Allotment, Append, Plan, Proposed, Statement, VersionConflict
from ledger.read import read_stream
from ledger.rows import Row

R = TypeVar("R", bound=Record)
_TRIES = 10


class Loaded(NamedTuple):
    """A record as it is now, and the rows that it was folded from."""

    record: Any
    rows: list[Row]


class _Place(NamedTuple):
    """Where the last event stands that others are to follow: in its stream, and in the ledger."""

    stream: UUID
    version: int
    position: int


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The words and the signature that come with a step."""

    comment: str | None = None
    reason: str | None = None
    signature: dict[str, Any] | None = None


Decide = Callable[[Loaded], Awaitable[Sequence[Event]]]
Render = Callable[[Any], Reply]


async def load(call: Call, flow: Workflow[R], number: int) -> Loaded:
    """Return a record by its id, folded from the ledger itself. Raises NotFound."""
    async with call.doors.pool.connection() as connection:
        rows = await read_stream(connection, stream := stream_id(flow.kind, number))
    record = flow.fold(call.doors.codec.recorded(rows)) or flow.native(stream)
    if record is None:
        raise NotFound(f"There is no {flow.kind} {number}.")
    return Loaded(record, rows)


async def create(
    call: Call,
    flow: Workflow[R],
    event: Event,
    render: Render,
    *,
    then: Callable[[Any], Sequence[Event]] = lambda record: (),
    statements: Callable[[Any], Sequence[Statement]] = lambda record: (),
) -> Reply:
    """Append the fact of a new record, and what follows `then`; answer with it.

    `render`, `then` and `statements` run under the ledger's lock.
    """

    def plan(allotment: Allotment) -> Plan:
        fact = _numbered(event, allotment)
        number: int = fact.id  # type: ignore[attr-defined]  # every creation is numbered
        stream = stream_id(flow.kind, number)
        made = flow.evolve(None, Recorded(allotment.after + 1, stream, 1, allotment.at, fact))
        after = _Place(stream, 1, allotment.after + 1)
        record, more = _evolved(call, flow, made, then(made), allotment, after)
        reply = render(record)
        proposed = [Proposed(stream, 1, fact.topic, call.doors.codec.encode(fact)), *more]
        return Plan(proposed, [*statements(record), *_kept(call, reply, allotment.after + len(proposed))], reply)

    return await _append(call, Append(plan))


async def change(
    call: Call,
    flow: Workflow[R],
    number: int,
    decide: Decide,
    render: Render,
    *,
    statements: Callable[[Any], Sequence[Statement]] = lambda record: (),
    unchanged: Callable[[], Sequence[Record]] = tuple,
) -> Reply:
    """Append what `decide` makes of the record as it is now, again where another was faster; answer with the record.

    statements: what is committed with it; runs under the ledger's lock. unchanged: other records on which the decision
    stands: where one of them was changed meanwhile, it is made again.
    `decide` checks If-Match, each time anew: so it is told where another made a version that is not meant.
    """
    for _ in range(_TRIES):
        loaded = await load(call, flow, number)
        events = await decide(loaded)
        if not events:
            return await without_event(call, render(loaded.record))
        try:
            append = _following(call, flow, loaded, events, render, statements)
            append.expects = [*append.expects, *((it.stream, it.version + 1) for it in unchanged())]
            return await _append(call, append)
        except VersionConflict:
            continue
    raise VersionConflict("Too many others change this record at the moment; ask again.")


async def change_each(
    call: Call, flow: Workflow[R], decided: Sequence[tuple[R, Event]], render: Callable[[Sequence[R]], Reply]
) -> Reply:
    """Append one more event to each of several records, whole or not at all; answer with them as they are then.

    Raises VersionConflict where another was faster with one of them.
    """
    if not decided:
        return await without_event(call, render(()))

    def plan(allotment: Allotment) -> Plan:
        records, proposed = list[R](), list[Proposed]()
        for it, event in decided:
            after = _Place(it.stream, it.version, allotment.after + len(proposed))
            record, its = _evolved(call, flow, it, [event], allotment, after)
            records.append(record)
            proposed += its
        reply = render(records)
        return Plan(proposed, _kept(call, reply, allotment.after + len(proposed)), reply)

    return await _append(call, Append(plan, [(it.stream, it.version + 1) for it, _ in decided]))


def ahead(call: Call, flow: Workflow[R], loaded: Loaded, event: Event) -> Loaded:
    """Return the record as it will be once an event is appended, to decide the next one of the same append on."""
    if any(not getattr(event, name) for name in event.numbered):
        raise ValueError(f"{event.topic} takes a number: what follows it can not be signed before it is allotted")
    last = loaded.rows[-1]
    version = last.originator_version + 1
    row = last._replace(originator_version=version, topic=event.topic, state=call.doors.codec.encode(event))
    place = Recorded(last.position, last.originator_id, version, datetime.now(UTC), event)
    return Loaded(flow.evolve(loaded.record, place), [*loaded.rows, row])


async def attempt(call: Call, loaded: Loaded, given: Given, eligible: Sequence[int] = ()) -> Attempt:
    """Return who tries what, with the signature verified and sealed where one is given. Raises Denied for a bad one."""
    signature = await signed(call, loaded.record, loaded.rows, given.signature) if given.signature else None
    return Attempt(
        actor=call.actor,
        comment=given.comment,
        reason=given.reason,
        signature=signature,
        source=call.source,
        request=call.request_id,
        correlation=call.correlation,
        eligible=frozenset(eligible),
    )


def _following(
    call: Call,
    flow: Workflow[R],
    loaded: Loaded,
    events: Sequence[Event],
    render: Render,
    statements: Callable[[Any], Sequence[Statement]],
) -> Append:
    stream, version = loaded.record.stream, loaded.record.version

    def plan(allotment: Allotment) -> Plan:
        after = _Place(stream, version, allotment.after)
        record, proposed = _evolved(call, flow, loaded.record, events, allotment, after)
        reply = render(record)
        beside = [*statements(record), *_kept(call, reply, allotment.after + len(proposed))]
        return Plan(proposed, beside, reply)

    return Append(plan, [(stream, version + place) for place in range(1, len(events) + 1)])


def _evolved(
    call: Call,
    flow: Workflow[R],
    record: R,
    events: Sequence[Event],
    allotment: Allotment,
    after: _Place,
) -> tuple[R, list[Proposed]]:
    """Return the record after some more events, and the events as they are to be appended."""
    proposed = []
    for ahead_by, event in enumerate(events, 1):
        fact = call.doors.codec.sealed(_numbered(event, allotment))
        version = after.version + ahead_by
        recorded = Recorded(after.position + ahead_by, after.stream, version, allotment.at, fact)
        record = flow.evolve(record, recorded)
        proposed.append(Proposed(after.stream, version, fact.topic, call.doors.codec.encode(fact)))
    return record, proposed


async def _append(call: Call, append: Append) -> Reply:
    try:
        receipt = await call.doors.writer.append(append)
    except psycopg.errors.UniqueViolation as taken:
        if taken.diag.schema_name == "ledger":
            raise  # The record itself would be damaged: that is no conflict between two clients.
        raise Conflict("What must be unique was taken by somebody else meanwhile.") from taken
    reply: Reply = receipt.result
    return await visible(call, msgspec.structs.replace(reply, position=receipt.position))


async def without_event(call: Call, reply: Reply) -> Reply:
    """Return the reply to what needs no event; under a key it is kept as any other."""
    if call.key is not None:
        kept = call.key.keep(reply, 0)
        try:
            async with call.doors.pool.connection() as connection:
                await connection.execute(kept.sql, kept.parameters)
        except psycopg.errors.UniqueViolation as used:
            raise Conflict("This Idempotency-Key was used meanwhile.") from used
    return reply


async def visible(call: Call, reply: Reply) -> Reply:
    """Return a write's reply once the read model has passed it, or the wait is over: a write is never refused now."""
    try:
        passed = await call.doors.passed(call.view, reply.position)
    except Exception:  # noqa: BLE001 - what is committed is answered as committed
        passed = False
    return reply if passed else msgspec.structs.replace(reply, read_position=call.doors.read_position(call.view))


def _numbered(event: Event, allotment: Allotment) -> Event:
    allotted = {name: allotment.allot(pattern) for name, pattern in event.numbered.items() if not getattr(event, name)}
    return msgspec.structs.replace(event, **allotted) if allotted else event


def _kept(call: Call, reply: Reply, position: int) -> list[Statement]:
    return [] if call.key is None else [call.key.keep(reply, position)]
