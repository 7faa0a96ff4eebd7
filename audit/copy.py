"""The inspector's copy of one record: all that was ever recorded of it, in words, made of nothing but its proof.

What is shown is read out of the very bytes that the proof is over: a copy can not say anything else than it proves.
Names are those that people had when they acted; users' names are looked up, and are not part of the proof.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import msgspec
from msgspec import Raw
from psycopg import AsyncConnection

from audit import verifier
from audit.copy_shapes import (
    CopiedChange,
    CopiedEvent,
    CopiedField,
    CopiedPerson,
    CopiedSignature,
    CopiedSource,
    CopiedState,
    Copy,
)
from domain.catalogue import WORKFLOWS
from domain.events import Event, Recorded, Signature, Source, stream_id
from domain.platform.users import ERASED, USERS, User
from ledger.codec import Codec
from ledger.rows import Row
from ledger.signatures import standing
from projections.history import Entry, history
from projections.shown import printed_name, user_ref
from projections.streams import histories

#: Fields of records, and of facts, that name a user.
PEOPLE: Final = frozenset({"investigator", "owner", "initiated_by", "submitted_by", "implemented_by", "uploaded_by"})
#: Fields of records that nobody enters.
_DERIVED: Final = frozenset(
    {"approvals", "asked_in", "chain", "closed_at", "completed_at", "implemented_by", "initiation_date", "submitted_by"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def copy_of(
    connection: AsyncConnection[Any], codec: Codec, bundle: bytes, made_by: int, made_at: datetime
) -> Copy:
    """Return the copy of the record that a proof is of. Raises verifier.Refused where that does not hold."""
    # Verifying and folding take a processor's time: others are answered meanwhile.
    proven = await asyncio.to_thread(_Proven.of, codec, bundle)
    people = await _People.read(connection, codec, {made_by, *_named_in(proven.events)})
    return await asyncio.to_thread(_made, codec, proven, people, made_by, made_at)


class _Proven(NamedTuple):
    """A proof that holds, and what it is over."""

    bundle: bytes
    stream: UUID
    rows: Sequence[Row]
    events: Sequence[Recorded]

    @classmethod
    def of(cls, codec: Codec, bundle: bytes) -> "_Proven":
        proven = cast("verifier.Bundle", verifier.check(bundle))
        rows = [_row(proven.stream, event) for event in proven.events]
        return cls(bundle, proven.stream, rows, codec.recorded(rows))


def _made(codec: Codec, proven: _Proven, people: "_People", made_by: int, made_at: datetime) -> Copy:
    rows, events = proven.rows, proven.events
    entries = history(WORKFLOWS[events[0].event.kind], events)
    holding = standing(codec, rows)
    stored = {row.originator_version: row.state for row in rows}
    told = tuple(_told(entry, people, holding, stored[entry.recorded.version]) for entry in entries)
    record = WORKFLOWS[events[0].event.kind].fold(events)
    assert record is not None  # noqa: S101 - a proof is of one event at least
    data = _entered(told)
    return Copy(
        format="flowledger-copy/1",
        kind=events[0].event.kind,
        id=record.id,
        number=record.number,
        title=record.title,
        status=record.status,
        stream=proven.stream,
        version=record.version,
        began_at=events[0].at,
        last_at=events[-1].at,
        time_zone="UTC",
        made_at=made_at,
        made_by=people.at(made_by, made_at),
        data_changed=any(it.changed_in and not it.derived for it in data),
        signatures=sum(it.signature is not None for it in told),
        signatures_hold=all(it.signature.holds for it in told if it.signature is not None),
        data=data,
        states=_states(told),
        people=people.named(events),
        events=told,
        proof=Raw(proven.bundle),
    )


class _People(NamedTuple):
    """Users' own histories: who was called what, and when."""

    users: Mapping[int, Sequence[Recorded]]

    @classmethod
    async def read(cls, connection: AsyncConnection[Any], codec: Codec, ids: set[int]) -> "_People":
        streams = {user: stream_id(USERS.kind, user) for user in sorted(ids)}
        found = await histories(connection, codec, list(streams.values()))
        return cls({user: found[stream] for user, stream in streams.items()})

    def at(self, user: int, moment: datetime) -> CopiedPerson:
        """Return a user under the name of a moment; of who was erased since, the printed name while it can be read."""
        events = self.users.get(user, ())
        then = USERS.fold([it for it in events if it.at <= moment]) or USERS.fold(events)
        now = USERS.fold(events)
        if then is not None and now is not None and now.status == ERASED:
            then = msgspec.structs.replace(now, printed=then.printed or then.name)
        called = user_ref(user, _only(user, then))
        assert called is not None  # noqa: S101 - there is none for the system alone
        return CopiedPerson(user, called.username, printed_name(user, _only(user, then)))

    def named(self, events: Sequence[Recorded]) -> tuple[CopiedPerson, ...]:
        """Return everybody whom events name, as they were called when the last of them was recorded."""
        return tuple(self.at(user, events[-1].at) for user in sorted(_named_in(events)))


def _only(number: int, user: User | None) -> dict[int, User]:
    return {} if user is None else {number: user}


def _row(stream: UUID, event: verifier.Event) -> Row:
    at = _EPOCH + timedelta(microseconds=event.recorded_at)
    return Row(event.position, stream, event.version, event.topic, event.state, at)


def _named_in(events: Sequence[Recorded]) -> set[int]:
    """Return the users who acted or signed, and those whom a field names."""
    found = {user for it in events for user in (it.event.actor, _signer(it.event.signature)) if user is not None}
    for it in events:
        for name in PEOPLE & set(it.event.__struct_fields__):
            user = getattr(it.event, name)
            if isinstance(user, int):
                found.add(user)
    return found


def _signer(signature: Signature | None) -> int | None:
    return None if signature is None else signature.signer


def _told(entry: Entry, people: _People, holding: Mapping[int, bool], stored: bytes) -> CopiedEvent:
    recorded, event = entry.recorded, entry.recorded.event
    signature = event.signature
    return CopiedEvent(
        position=recorded.position,
        version=recorded.version,
        event=event.topic,
        at=recorded.at,
        by=None if event.actor is None else people.at(event.actor, recorded.at),
        source=_source(event),
        from_state=event.from_state,
        to_state=event.to_state,
        reason=event.reason,
        comment=event.comment,
        changes=tuple(CopiedChange(it.field, _plain(it.before), _plain(it.after)) for it in entry.changes),
        signature=None if signature is None else _signed(signature, people, holds=holding.get(recorded.version, False)),
        stored=Raw(stored),
    )


def _source(event: Event) -> CopiedSource:
    it = event.source or Source()
    return CopiedSource(it.address, it.token, event.request, event.correlation)


def _signed(it: Signature, people: _People, *, holds: bool) -> CopiedSignature:
    name = it.name.get("name", f"erased user {it.signer}")
    by = CopiedPerson(it.signer, people.at(it.signer, it.at).username, name)
    return CopiedSignature(by=by, at=it.at, meaning=it.meaning, hash=it.digest, holds=holds)


def _entered(events: Sequence[CopiedEvent]) -> tuple[CopiedField, ...]:
    """Return what each field says at last, where it was entered, and where it was changed since."""
    found: dict[str, CopiedField] = {}
    for event in events:
        for change in event.changes:
            before = found.get(change.field)
            if before is None:
                derived = change.field.rpartition(".")[2] in _DERIVED
                found[change.field] = CopiedField(change.field, change.after, event.version, (), derived)
            else:
                changed_in = (*before.changed_in, event.version)
                found[change.field] = msgspec.structs.replace(before, value=change.after, changed_in=changed_in)
    return tuple(found.values())


def _states(events: Sequence[CopiedEvent]) -> tuple[CopiedState, ...]:
    moved = [it for it in events if it.to_state is not None and it.to_state != it.from_state]
    return tuple(CopiedState(it.to_state or "", it.at, it.version, it.by) for it in moved)


def _plain(value: Any) -> Any:
    """Return a field's value as JSON has it, times left as they are."""
    return msgspec.to_builtins(value, builtin_types=(datetime,))
