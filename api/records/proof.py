"""The proof of a record: its events under a signed tree head, for whoever checks it without us."""

from api.access_facts import exported
from api.call import Call, NoQuery
from api.records.resource import R, Resource, looked_up
from api.reply import Reply
from domain.events import stream_id


async def proof(resource: Resource[R], call: Call) -> Reply:
    """Answer the proof of a record, a hidden one, too. Recorded as taken out."""
    kind, number = resource.workflow.kind, call.record_id
    await looked_up(resource, call)
    call.query(NoQuery)
    body = await call.doors.proofs.bundle(stream_id(kind, number))
    if not call.head:
        await exported(call, "proof", "json", f"{kind}/{number}")
    return Reply(body=body, headers=(("Content-Disposition", f'attachment; filename="{kind}-{number}-proof.json"'),))
