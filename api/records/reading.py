"""Looking at records: one, a list, and what may be fired now."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from psycopg import AsyncConnection

from api.actions import load
from api.call import Call, NoQuery
from api.records.resource import PageQuery, R, Resource, around, check_present, present, reply
from api.records.shapes import TransitionsOut
from api.reply import Reply
from domain.errors import NotFound


async def get(resource: Resource[R], call: Call) -> Reply:
    """Answer one record, as the read model has it."""
    async with call.doors.pool.connection() as connection:
        record = await resource.one(call, connection, call.record_id)
        if record is None:
            raise NotFound(f"There is no {resource.workflow.kind} {call.record_id}.")
        check_present(resource, call, record)
        shown = await around(resource, call, connection, record)
    call.query(NoQuery)
    return reply(resource, record, shown)


async def narrowed(
    resource: Resource[R],
    call: Call,
    query: PageQuery,
    status: str | None,
    find: Callable[[AsyncConnection[Any]], Awaitable[tuple[int, bytes]]],
) -> Reply:
    """Answer a page of what `find` finds; records that are hidden only to who may read the audit trail."""
    if status in resource.hidden and not call.actor.may("audit.read"):
        return resource.forms.paged(call, query, 0, b"")
    async with call.doors.pool.connection() as connection:
        total, summaries = await find(connection)
    return resource.forms.paged(call, query, total, summaries)


async def offers(resource: Resource[R], call: Call) -> Reply:
    """Answer every transition: whether who asks may fire it now, and why not."""
    record = present(resource, call, await load(call, resource.workflow, call.record_id))
    call.query(NoQuery)
    offered = resource.workflow.offers(record, call.actor)
    return Reply(body=msgspec.json.encode(TransitionsOut(record.status, offered)))
