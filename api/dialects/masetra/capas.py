"""CAPAs: list, open."""

from datetime import UTC, datetime, timedelta

from api import records
from api.actions import Given, Loaded, attempt, create
from api.call import Call
from api.dialects.masetra.capa_shapes import CapaIn, CapaQuery
from api.dialects.masetra.resources import CAPA
from api.dialects.masetra.sources import check_source, sources
from api.input import together
from api.reply import Reply
from domain.quality import capa as rules
from domain.quality.capa import CAPAS
from projections.capa_queries import LISTING, PAST, CapaFilter


async def list_capas(call: Call) -> Reply:
    """Answer a page, newest first."""
    call.require("capa.read")
    query = call.query(CapaQuery)
    now = datetime.now(UTC).replace(microsecond=0)
    if query.as_of is not None:
        now = min(now, query.as_of - timedelta(microseconds=1))
    wanted = CapaFilter(
        status=query.status,
        department=query.department,
        priority=query.priority,
        source_type=query.source_type,
        source_id=query.source_id,
        owner=query.owner,
        begun_from=query.date_from,
        begun_before=query.date_to,
        overdue_at=now if query.overdue == "true" else None,
        timely_at=now if query.overdue == "false" else None,
    )
    return await records.narrowed(CAPA, call, query, wanted, LISTING, PAST)


async def open_capa(call: Call) -> Reply:
    """Record a new CAPA."""
    call.require("capa.create")
    async with call.doors.pool.connection() as connection:
        found = await sources(call, connection, None)
    given, _ = together(lambda: call.given(CapaIn), lambda: check_source(call, None, found))
    data = {name: getattr(given, name) for name in given.__struct_fields__}
    made = rules.open_capa(await attempt(call, Loaded(None, []), Given()), data)
    around = records.Around({call.signed_in.id: call.signed_in}, found, call.base_url)
    return await create(call, CAPAS, made, lambda record: records.reply(CAPA, record, around, 201))
