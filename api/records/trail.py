"""What was done with a record: its history, and whether its signatures hold."""

import hmac
from typing import Any

import msgspec

from api.actions import Loaded, load
from api.call import Call
from api.records import shapes
from api.records.resource import Forms, R, Resource
from api.reply import Reply
from domain.errors import NotFound
from domain.events import Recorded, Signature
from domain.platform.users import User
from domain.workflow import Workflow
from ledger.read import stream_digest
from projections.history import Entry
from projections.history import history as told
from projections.shown import user_ref


async def history(resource: Resource[R], call: Call) -> Reply:
    """Answer a record's events, oldest first; that of a hidden record stays."""
    loaded = await load(call, resource.workflow, call.record_id)
    if not call.actor.may(resource.reads):
        raise NotFound(f"There is no {resource.workflow.kind} {call.record_id}.")
    return await told_of(call, resource.workflow, loaded, resource.forms)


async def told_of(call: Call, workflow: Workflow[R], loaded: Loaded, forms: Forms) -> Reply:
    """Answer a page of a loaded record's events."""
    query = call.query(forms.page)
    entries = told(workflow, call.doors.codec.recorded(loaded.rows))
    page = entries[query.offset : query.offset + query.size]
    actors = {entry.recorded.event.actor for entry in page} - {None}
    async with call.doors.pool.connection() as connection:
        people = await call.doors.people.get(connection, [actor for actor in actors if actor is not None])
    ready = b",".join(msgspec.json.encode(_entry(call, loaded, entry, people)) for entry in page)
    return forms.paged(call, query, len(entries), ready)


def _entry(call: Call, loaded: Loaded, entry: Entry, people: dict[int, User]) -> shapes.HistoryEntry:
    recorded = entry.recorded
    event, source = recorded.event, recorded.event.source
    return shapes.HistoryEntry(
        position=recorded.position,
        version=recorded.version,
        event=event.topic,
        at=recorded.at,
        actor=_actor(event.actor, people),
        source=shapes.SourceOut(source.address if source else None, source.token if source else None),
        from_state=event.from_state,
        to_state=event.to_state,
        comment=event.comment,
        reason=event.reason,
        changes=[shapes.ChangeOut(*change) for change in entry.changes],
        signature=None if event.signature is None else _signature(call, loaded, recorded, event.signature),
    )


def _actor(user: int | None, people: dict[int, User]) -> shapes.ActorOut | None:
    shown = user_ref(user, people)
    if shown is None:
        return None
    name = f"{shown.first_name} {shown.last_name}".strip()
    return shapes.ActorOut(shown.id, shown.username, name or shown.username)


def _signature(call: Call, loaded: Loaded, recorded: Recorded, signature: Signature) -> shapes.SignatureOut:
    return shapes.SignatureOut(
        by=signature.signer,
        name=signature.name.get("name", f"erased user {signature.signer}"),
        at=signature.at,
        meaning=signature.meaning,
        hash=signature.digest,
        valid=_valid(call, loaded.rows, recorded, signature),
    )


def _valid(call: Call, rows: list[Any], recorded: Recorded, signature: Signature) -> bool:
    """Tell whether a signature stands where it was put, over what it was put under, unaltered."""
    signed = [row for row in rows if row.originator_version < recorded.version]
    return (
        signature.version == recorded.version
        and signature.stream == rows[0].originator_id
        and hmac.compare_digest(signature.digest, stream_digest(signed))
        and call.doors.codec.holds(recorded.event)
    )
