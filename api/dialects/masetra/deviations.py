"""Deviations: list, report, look at."""

from api.actions import Given, Loaded, attempt, create
from api.call import Call, NoQuery
from api.dialects.masetra import shapes
from api.dialects.masetra.forms import page_reply
from api.reply import Reply, record_reply
from domain.errors import NotFound
from domain.platform.users import User
from domain.quality import deviation as rules
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import CANCELLED, Deviation
from projections.deviation_queries import DeviationFilter, find, one
from projections.deviation_views import detail, people_in


async def list_deviations(call: Call) -> Reply:
    """Answer a page, newest first."""
    call.require("deviation.read")
    query = call.query(shapes.DeviationQuery)
    wanted = DeviationFilter(
        status=query.status,
        department=query.department,
        begun_from=query.date_from,
        begun_before=query.date_to,
    )
    limit, offset = query.size, query.offset
    if wanted.status == CANCELLED and not call.actor.may("audit.read"):
        return page_reply(call, query, 0, b"")
    async with call.doors.pool.connection() as connection:
        found = await find(connection, wanted, limit, offset, call.doors.counts)
    return page_reply(call, query, found.total, found.summaries)


async def report_deviation(call: Call) -> Reply:
    """Record a new deviation."""
    call.require("deviation.create")
    given = call.given(shapes.DeviationIn)
    data = {name: getattr(given, name) for name in given.__struct_fields__}
    made = rules.report(await attempt(call, Loaded(None, []), Given()), data, call.doors.quality)
    people = {call.signed_in.id: call.signed_in}
    return await create(call, DEVIATIONS, made, lambda record: reply(record, people, 201))


async def get_deviation(call: Call) -> Reply:
    """Answer one deviation, as the read model has it."""
    async with call.doors.pool.connection() as connection:
        record = await one(connection, call.doors.deviations, call.record_id)
        if record is None:
            raise NotFound(f"There is no deviation {call.record_id}.")
        check_present(call, record)
        people = await call.doors.people.get(connection, people_in(record))
    call.query(NoQuery)
    return reply(record, people)


def check_present(call: Call, record: Deviation) -> None:
    """Raise NotFound where a record is not to be seen: cancelled, or not for who asks."""
    if record.status == CANCELLED or not call.actor.may("deviation.read"):
        raise NotFound(f"There is no deviation {record.id}.")


def present(call: Call, loaded: Loaded) -> Deviation:
    """Return a loaded deviation that is there for who asks. Raises NotFound."""
    record: Deviation = loaded.record
    check_present(call, record)
    return record


def reply(record: Deviation, people: dict[int, User], status: int = 200) -> Reply:
    """Return a deviation as its detail shows it."""
    return record_reply(record.version, detail(record, people), status)
