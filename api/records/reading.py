"""Looking at records: one, a list, and what may be fired now."""

from datetime import datetime
from typing import Protocol, TypeVar

import msgspec
from msgspec import Struct

from api.call import Call, NoQuery
from api.records.past import SEES_HIDDEN, around_then, asked_before, known_then, seen
from api.records.resource import PageQuery, R, Resource, looked_up, present, reply
from api.records.shapes import AsOf, TransitionsOut
from api.reply import Reply
from projections.listing import Listing
from projections.past_listing import PastListing
from projections.versions import VersionsReadModel

F = TypeVar("F", bound=Struct)


class ListQuery(PageQuery, Protocol):
    """The query of a list with a past. `as_of` is exclusive: just past the time that is asked for."""

    @property
    def status(self) -> str | None: ...  # noqa: D102

    @property
    def as_of(self) -> datetime | None: ...  # noqa: D102


async def get(resource: Resource[R], call: Call) -> Reply:
    """Answer one record: as the read model has it, or as it was."""
    before = asked_before(call)
    if before is not None and resource.found_then:
        await known_then(call, before)
    async with call.doors.pool.connection() as connection:
        record = await seen(resource, call, connection, before)
        shown = await around_then(resource, call, connection, record, before)
    call.query(AsOf)
    return reply(resource, record, shown)


async def narrowed(
    resource: Resource[R],
    call: Call,
    query: ListQuery,
    wanted: F,
    now: Listing[F, R],
    then: PastListing[F, R],
) -> Reply:
    """Answer a page of records, as they are or as they were; hidden ones only to who may read the audit trail."""
    doors, limit, offset = call.doors, query.size, query.offset
    if query.status in resource.hidden and not call.actor.may(SEES_HIDDEN):
        return resource.forms.paged(call, query, 0, b"")
    if query.as_of is not None:
        await call.follow(VersionsReadModel.name)
        await known_then(call, query.as_of)
    async with doors.pool.connection() as connection:
        if query.as_of is None:
            total, summaries = await now.find(connection, wanted, limit, offset, doors.counts)
        else:
            total, summaries = await then.find(
                connection, doors.codec, wanted, query.as_of, limit, offset, doors.past_counts
            )
    return resource.forms.paged(call, query, total, summaries)


async def offers(resource: Resource[R], call: Call) -> Reply:
    """Answer every transition: whether who asks may fire it now, and why not."""
    record = present(resource, call, await looked_up(resource, call))
    call.query(NoQuery)
    offered = resource.workflow.offers(record, call.actor)
    return Reply(body=msgspec.json.encode(TransitionsOut(record.status, offered)))
