"""Deviations: list, report, write down what was found out."""

from collections.abc import Sequence

from msgspec import UNSET

from api import records
from api.actions import Given, Loaded, attempt, create
from api.call import Call
from api.dialects.masetra import shapes
from api.dialects.masetra.resources import DEVIATION
from api.records.edits import as_json
from api.reply import Reply
from domain.events import Event
from domain.quality import deviation as rules
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation
from projections.deviation_queries import LISTING, PAST, DeviationFilter
from projections.deviation_views import investigation_out

_FOUND = ("root_cause_analysis", "investigation_method", "findings")


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
    return await records.narrowed(DEVIATION, call, query, wanted, LISTING, PAST)


async def report_deviation(call: Call) -> Reply:
    """Record a new deviation."""
    call.require("deviation.create")
    given = call.given(shapes.DeviationIn)
    data = {name: getattr(given, name) for name in given.__struct_fields__}
    made = rules.report(await attempt(call, Loaded(None, []), Given()), data, call.doors.quality)
    around = records.Around({call.signed_in.id: call.signed_in}, None, call.base_url)
    return await create(call, DEVIATIONS, made, lambda record: records.reply(DEVIATION, record, around, 201))


async def record_investigation(call: Call) -> Reply:
    """Write down what was found out."""
    step = DEVIATIONS.step("record_investigation")

    async def decide(loaded: Loaded) -> Sequence[Event]:
        it: Deviation = loaded.record
        wanted = call.given(shapes.InvestigationIn, as_json(investigation_out(it)))
        changes = {name: value for name in _FOUND if (value := getattr(wanted, name)) is not UNSET}
        if not changes and it.status in step.sources:
            return []
        who = await attempt(call, loaded, Given(comment=wanted.comment, reason=wanted.reason))
        return [rules.record_findings(it, who, changes)]

    return await records.alter(DEVIATION, call, step.trigger, decide)
