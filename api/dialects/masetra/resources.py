"""What Masetra says of its kinds of records."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from api.call import Call
from api.dialects.masetra import capa_shapes, shapes
from api.dialects.masetra.forms import Page, PageAsOf, page_reply
from api.dialects.masetra.sources import check_source, source_of, sources, sources_then
from api.records import Around, Forms, Resource
from api.reply import record_reply
from domain.events import Attempt, Event
from domain.quality import capa as capa_rules
from domain.quality import deviation as deviation_rules
from domain.quality.capa import CAPAS
from domain.quality.capa_facts import CANCELLED as CAPA_CANCELLED
from domain.quality.capa_facts import Capa, CapaUpdated
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import CANCELLED, Deviation, DeviationUpdated, WantedCapa
from domain.workflow import Data, Step
from projections import capa_queries, capa_views, deviation_queries, deviation_views, past
from projections.deviation_views import DeviationDetail
from projections.links import CapaRef, capas_of

FORMS = Forms(
    record=record_reply,
    page=Page,
    page_as_of=PageAsOf,
    paged=page_reply,
    because=shapes.RemovalIn,
    because_query=shapes.RemovalQuery,
)


async def _capas(call: Call, connection: AsyncConnection[Any], it: Deviation) -> tuple[CapaRef, ...]:
    """Return the CAPAs that follow from a deviation, to who may see them."""
    if not call.actor.may("capa.read"):
        return ()
    return (await capas_of(connection, [it.id])).get(it.id, ())


async def _capas_then(
    call: Call, connection: AsyncConnection[Any], it: Deviation, before: datetime
) -> tuple[CapaRef, ...]:
    """Return the CAPAs that followed from a deviation just before a moment, to who may see them."""
    if not call.actor.may("capa.read"):
        return ()
    return await past.capas_of(connection, call.doors.codec, it.id, before)


async def _advance(call: Call, it: Deviation, step: Step[Deviation], attempt: Attempt, data: Data) -> Event:
    if step.trigger == "submit_investigation":
        # The chain of approvals as it stands now, not as we last heard: should it change meanwhile, it is read again.
        await call.doors.learn(anew=True)
        call.stands_on = [call.doors.standing.configuration]
    wanted = data.get("open_capa")
    if isinstance(wanted, shapes.WantedCapaIn):
        data = {**data, "open_capa": WantedCapa(**msgspec.structs.asdict(wanted))}
    return deviation_rules.advance(it, step, attempt, data, call.doors.quality)


def _moved(call: Call, shown: DeviationDetail) -> DeviationDetail:
    """Return what a change answers: where closing asked for a CAPA, that there is none yet."""
    if call.body.raw.get("open_capa") is None:
        return shown
    return shapes.DeviationMoved(**msgspec.structs.asdict(shown), open_capa=None)


async def _advance_capa(_call: Call, it: Capa, step: Step[Capa], attempt: Attempt, data: Data) -> Event:
    return capa_rules.advance(it, step, attempt, data)


def _capa(it: Capa, around: Around) -> capa_views.CapaDetail:
    return capa_views.detail(it, around.people, source_of(it, around.beside), around.base)


DEVIATION: Resource[Deviation] = Resource(
    forms=FORMS,
    workflow=DEVIATIONS,
    reads="deviation.read",
    hidden=frozenset({CANCELLED}),
    one=lambda call, connection, number: deviation_queries.one(connection, call.doors.deviations, number),
    people=deviation_views.people_in,
    beside=_capas,
    beside_then=_capas_then,
    found_then=True,
    detail=lambda it, around: deviation_views.detail(it, around.people, around.beside or (), around.base),
    answer=_moved,
    change=shapes.DeviationChange,
    transition=shapes.DeviationTransition,
    updated=DeviationUpdated,
    revising=deviation_rules.revising,
    revise=lambda call, it, attempt, changes: deviation_rules.revise(it, attempt, changes, call.doors.quality),
    advance=_advance,
    own=("investigator", "question", "answer", "open_capa"),
    eligible={"investigator": "deviation.investigate"},
    needs={"open_capa": "capa.create"},
)

CAPA: Resource[Capa] = Resource(
    forms=FORMS,
    workflow=CAPAS,
    reads="capa.read",
    hidden=frozenset({CAPA_CANCELLED}),
    one=lambda call, connection, number: capa_queries.one(connection, call.doors.capas, number),
    people=capa_views.people_in,
    beside=sources,
    beside_then=sources_then,
    detail=_capa,
    change=capa_shapes.CapaChange,
    transition=capa_shapes.CapaTransition,
    updated=CapaUpdated,
    revising=capa_rules.revising,
    revise=lambda call, it, attempt, changes: capa_rules.revise(it, attempt, changes),
    advance=_advance_capa,
    check=lambda call, it, around: check_source(call, it, around.beside),
    own=("owner",),
    eligible={"owner": "capa.own"},
)
