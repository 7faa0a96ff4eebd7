"""Looking back: a record as it was at the query's `as_of`, and what its detail showed around it then."""

from datetime import datetime

from psycopg import AsyncConnection

from api.call import Call
from api.input import query_pairs
from api.records.resource import Around, R, Resource, around, check_present, check_reads
from domain.errors import InvalidInput, NotFound, Unavailable
from domain.times import moment
from projections import past
from projections.versions import VersionsReadModel

AS_OF = "as_of"
#: What lists records that are hidden.
SEES_HIDDEN = "audit.read"


def asked_before(call: Call) -> datetime | None:
    """Return the moment just past `as_of`; None where the present is asked for.

    None, too, where the query is faulty: the door says so once it is clear that there is something to be seen.
    """
    try:
        given = dict(query_pairs(call.request.scope["query_string"])).get(AS_OF)
        return moment(given, end=True) if given else None
    except (InvalidInput, ValueError):
        return None


async def seen(resource: Resource[R], call: Call, connection: AsyncConnection[object], before: datetime | None) -> R:
    """Return the record that the path names, as it is or as it was. Raises Hidden, then NotFound.

    What is hidden is hidden from the present alone.
    """
    kind, number = resource.workflow.kind, call.record_id
    check_reads(resource, call)
    if before is None:
        record = await resource.one(call, connection, number)
        if record is None:
            raise NotFound(f"There is no {kind} {number}.")
        check_present(resource, call, record)
        return record
    record = await past.one(connection, call.doors.codec, resource.workflow, number, before)
    if record is None:
        raise NotFound(f"There was no {kind} {number} then.")
    return record


async def known_then(call: Call, before: datetime) -> None:
    """Wait until the read model of what was knows all that was before a moment. Raises Unavailable."""
    async with call.doors.pool.connection() as connection:
        position = await past.unknown_until(connection, before)
    if not await call.doors.passed(VersionsReadModel.name, position):
        raise Unavailable(f"What was then is not known up to position {position} yet; ask again in a moment.")


async def around_then(
    resource: Resource[R], call: Call, connection: AsyncConnection[object], record: R, before: datetime | None
) -> Around:
    """Return what a detail shows around a record, as it is or as it was."""
    if before is None:
        return await around(resource, call, connection, record)
    known = await call.doors.people.get(connection, resource.people(record))
    people = await past.people(connection, call.doors.codec, known, before)
    beside = None if resource.beside_then is None else await resource.beside_then(call, connection, record, before)
    return Around(people, beside, call.base_url)
