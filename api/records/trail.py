"""What was done with a record: its history, and whether its signatures hold."""

from collections.abc import Mapping

import msgspec

from api.actions import Loaded
from api.call import Call
from api.records import shapes
from api.records.resource import Forms, R, Resource, looked_up
from api.reply import Reply
from domain.events import Signature
from domain.platform.users import User
from domain.workflow import Workflow
from ledger.signatures import standing
from projections.history import Entry
from projections.history import history as told
from projections.shown import printed_name, user_ref


async def history(resource: Resource[R], call: Call) -> Reply:
    """Answer a record's events, oldest first; that of a hidden record stays."""
    loaded = await looked_up(resource, call)
    return await told_of(call, resource.workflow, loaded, resource.forms)


async def told_of(call: Call, workflow: Workflow[R], loaded: Loaded, forms: Forms) -> Reply:
    """Answer a page of a loaded record's events."""
    query = call.query(forms.page)
    entries = told(workflow, call.doors.codec.recorded(loaded.rows))
    page = entries[query.offset : query.offset + query.size]
    actors = {entry.recorded.event.actor for entry in page} - {None}
    async with call.doors.pool.connection() as connection:
        people = await call.doors.people.get(connection, [actor for actor in actors if actor is not None])
    holding = standing(call.doors.codec, loaded.rows)
    ready = b",".join(msgspec.json.encode(entry_out(entry, people, holding)) for entry in page)
    return forms.paged(call, query, len(entries), ready)


def entry_out(entry: Entry, people: Mapping[int, User], holding: Mapping[int, bool]) -> shapes.HistoryEntry:
    """Return an event as it is shown. `holding`: whether the signature of each version of its stream holds."""
    recorded = entry.recorded
    event, source = recorded.event, recorded.event.source
    return shapes.HistoryEntry(
        position=recorded.position,
        version=recorded.version,
        event=event.topic,
        at=recorded.at,
        actor=actor_out(event.actor, people, event.kind),
        source=shapes.SourceOut(source.address if source else None, source.token if source else None),
        from_state=event.from_state,
        to_state=event.to_state,
        comment=event.comment,
        reason=event.reason,
        changes=[shapes.ChangeOut(*change) for change in entry.changes],
        signature=None
        if event.signature is None
        else _signature(event.signature, valid=holding.get(recorded.version, False)),
    )


def actor_out(user: int | None, people: Mapping[int, User], kind: str = "") -> shapes.ActorOut | None:
    """Return who did something to a record of a kind, as its history shows him; None for the system itself."""
    shown = user_ref(user, people)
    if shown is None:
        return None
    return shapes.ActorOut(shown.id, shown.username, printed_name(shown.id, people, kind))


def _signature(signature: Signature, *, valid: bool) -> shapes.SignatureOut:
    return shapes.SignatureOut(
        by=signature.signer,
        name=signature.name.get("name", f"erased user {signature.signer}"),
        at=signature.at,
        meaning=signature.meaning,
        hash=signature.digest,
        valid=valid,
    )
