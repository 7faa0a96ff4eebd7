"""The doors of the files that belong to a record: attach, list, look at, take off."""

from functools import partial
from typing import Any, TypeVar

import msgspec

from api import actions
from api.actions import Given, Loaded, attempt
from api.call import Call, NoQuery
from api.idempotency import UnderWay, answered_before, key_of
from api.input import Body, check_given, together
from api.records.past import asked_before, seen
from api.records.resource import Resource, check_reads, looked_up, present
from api.records.shapes import AsOf
from api.records.upload import counted, received
from api.reply import Reply, record_reply
from domain.errors import Conflict, PreconditionFailed
from domain.events import Event
from domain.quality import attaching
from domain.quality.attaching import ATTACH, DETACH, NewFile, attached
from domain.quality.attachments import Attachment
from projections.attachment_views import attachment_out, attachments_out

H = TypeVar("H", bound=attaching.Holder)


async def add(resource: Resource[H], call: Call) -> Reply:
    """Store the file of a form, and attach it.

    Whether who asks may, If-Match and the state are looked at first: nobody sends a file for nothing. Under an
    Idempotency-Key that was used, the file is read to see whether it is the same.
    """
    key = key_of(call)
    if key is None:
        return await _first(resource, call)
    with UnderWay(call, key):
        async with call.doors.pool.connection() as connection:
            known = await key.known(connection)
        if known:
            return await _again(resource, call)
        try:
            return await _first(resource, call)
        except (Conflict, PreconditionFailed):
            # Another process may have been faster with this very request.
            answered = None if call.key is None else await answered_before(call, call.key)
            if answered is None:
                raise
            return answered


async def listed(resource: Resource[H], call: Call) -> Reply:
    """Answer a page of a record's files, oldest first."""
    record = await _shown(resource, call)
    query = call.query(resource.forms.page_as_of)
    files = attachments_out(resource.workflow.kind, record, call.base_url)
    page = files[query.offset : query.offset + query.size]
    return resource.forms.paged(call, query, len(files), b",".join(msgspec.json.encode(file) for file in page))


async def get(resource: Resource[H], call: Call) -> Reply:
    """Answer what is known of one file."""
    record = await _shown(resource, call)
    file = attached(record, call.path_id("attachment"))
    call.query(AsOf)
    return record_reply(record.version, attachment_out(resource.workflow.kind, record.id, file, call.base_url))


async def remove(resource: Resource[H], call: Call) -> Reply:
    """Take a file off; it is kept, and the history shows it."""
    check_reads(resource, call)
    flow, forms = resource.workflow, resource.forms
    number = call.path_id("attachment")

    async def decide(loaded: Loaded) -> list[Event]:
        it = present(resource, call, loaded)
        attached(it, number)
        flow.authorize(flow.step(DETACH), it, call.actor)
        call.check_version(it.version)
        query, body = together(lambda: call.query(forms.because_query), lambda: call.body.read(forms.because))
        reason = query.reason or body.reason
        check_given(["reason"], {"reason": reason})
        return [attaching.detach(flow, it, await attempt(call, loaded, Given(reason=reason)), number)]

    return await actions.change(call, flow, call.record_id, decide, lambda record: Reply(status=204))


async def shown_file(resource: Resource[H], call: Call) -> Attachment:
    """Return one file of a record that who asks may see. Raises NotFound."""
    record: H = await _shown(resource, call)
    return attached(record, call.path_id("attachment"))


async def _first(resource: Resource[H], call: Call) -> Reply:
    """Take the file in. Where anything is refused, nothing is left of it."""
    flow, settings, uploads = resource.workflow, call.doors.standing.settings, call.doors.uploads
    loaded = await looked_up(resource, call)
    call.check_version(_permitted(resource, call, loaded).version)
    call.query(NoQuery)
    attaching.check_room(flow, loaded.record, await attempt(call, loaded, Given()), settings.attachments_per_record)
    async with uploads.place(call.signed_in.id), uploads.under_way() as key:
        file = await received(call, settings, key, partial(uploads.files.put, key))
        await call.identify(anew=True)  # A file takes its time: who sent it may have lost his rights meanwhile.
        _know(call, file)
        call.key = key_of(call)

        async def decide(loaded: Loaded) -> list[Event]:
            call.check_version(_permitted(resource, call, loaded).version)
            who = await attempt(call, loaded, Given())
            return [attaching.attach(flow, loaded.record, who, file, settings.attachments_per_record)]

        def render(record: H) -> Reply:
            shown = attachment_out(flow.kind, record.id, record.attachments[-1], call.base_url)
            return record_reply(record.version, shown, 201)

        return await actions.change(
            call, flow, call.record_id, decide, render, statements=lambda record: [uploads.settle(key)]
        )


async def _again(resource: Resource[H], call: Call) -> Reply:
    """Answer what was answered under the key before, to who still may. Raises KeyReused where it was another file."""
    _permitted(resource, call, await looked_up(resource, call))
    async with call.doors.uploads.place(call.signed_in.id):
        _know(call, await received(call, call.doors.standing.settings, "", counted))
    await call.identify(anew=True)
    _permitted(resource, call, await looked_up(resource, call))
    key = key_of(call)
    answered = None if key is None else await answered_before(call, key)
    if answered is None:
        raise Conflict("The answer under this Idempotency-Key was forgotten a moment ago; ask again.")
    return answered


def _know(call: Call, file: NewFile) -> None:
    """Have the request known by what it brought: that is what a key answers for."""
    said: dict[str, Any] = msgspec.structs.asdict(file)
    call.body = Body(msgspec.json.encode({**said, "key": ""}), "application/json")


def _permitted(resource: Resource[H], call: Call, loaded: Loaded) -> H:
    """Return the record to which who asks may attach. Raises NotFound or Denied."""
    it = present(resource, call, loaded)
    resource.workflow.authorize(resource.workflow.step(ATTACH), it, call.actor)
    return it


async def _shown(resource: Resource[H], call: Call) -> H:
    """Return the record as the read model has it, or as it was. Raises NotFound."""
    async with call.doors.pool.connection() as connection:
        return await seen(resource, call, connection, asked_before(call))
