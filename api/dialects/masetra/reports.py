"""Reports: deviations and CAPAs by period, and the dashboard. What the figures mean is in docs/howto/reports.md."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection

from api.call import Call
from api.dialects.masetra import report_shapes as shapes
from api.dialects.masetra.report_answers import CAPAS, DEVIATIONS, Kind, open_records
from api.dialects.masetra.report_asked import asked_of, moment_of, trend
from api.dialects.masetra.report_formats import formed
from api.reply import Reply
from projections.report_queries import Question, board, falls_due, figures, flow, one_state, place

Make = Callable[[AsyncConnection[Any]], Awaitable[Struct]]


async def report_deviations(call: Call) -> Reply:
    """Answer the report on deviations."""
    return await _report(call, DEVIATIONS)


async def report_capas(call: Call) -> Reply:
    """Answer the report on CAPAs."""
    return await _report(call, CAPAS)


async def show_dashboard(call: Call) -> Reply:
    """Answer where deviations and CAPAs stand."""
    call.require("report.read")
    query, moment = call.query(shapes.DashboardQuery), moment_of(call)
    months = trend(moment.today)
    asked = [moment.question(kind.subject.kind, months, query.department) for kind in (DEVIATIONS, CAPAS)]

    async def make(connection: AsyncConnection[Any]) -> shapes.Dashboard:
        deviations, capas = [
            open_records(
                kind.subject,
                await board(connection, one, moment.ages, moment.week),
                months,
                await flow(connection, one),
            )
            for kind, one in zip((DEVIATIONS, CAPAS), asked, strict=True)
        ]
        return shapes.Dashboard(
            time_zone=moment.zone.key,
            generated_at=moment.shown,
            filters=shapes.ReportFilters(department=query.department),
            deviations=deviations,
            capas=capas,
        )

    key = ("dashboard", moment.zone.key, moment.today, query.department)
    return await formed(call, query.format, "Dashboard", shapes.Dashboard, await _answered(call, key, asked, make))


async def _report(call: Call, kind: Kind) -> Reply:
    call.require("report.read")
    query, moment = call.query(shapes.ReportQuery), moment_of(call)
    asked = asked_of(query, moment)
    question = moment.question(kind.subject.kind, asked.periods, query.department)

    async def make(connection: AsyncConnection[Any]) -> shapes.Report:
        rows, total = await figures(connection, question)
        return kind.made(asked, moment, rows, total)

    key = (kind.subject.kind, moment.zone.key, query.period, asked.days, query.department)
    body = await _answered(call, key, [question], make)
    return await formed(call, query.format, kind.title, kind.report, body)


async def _answered(call: Call, key: Hashable, asked: Sequence[Question], make: Make) -> bytes:
    """Return the ready JSON of a report: the one that is kept while that holds, else one made anew."""
    kept, now = call.doors.reports, asked[0].now
    async with call.doors.pool.connection() as connection:
        body = kept.get(key, await place(connection), now)
    if body is not None:
        return body
    async with kept.making, call.doors.pool.connection() as connection, one_state(connection) as here:
        # Somebody else may have waited for the same, and be answered by now.
        body = kept.get(key, here, now)
        if body is None:
            body = msgspec.json.encode(await make(connection))
            until = min([await falls_due(connection, one) for one in asked])
            kept.keep(key, here, now, until, body)
    return body
