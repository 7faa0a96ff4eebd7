"""The doors of deviations and CAPAs."""

from typing import Any

from api.dialects.masetra import capa_actions, capa_shapes, capas, deviations, shapes
from api.dialects.masetra.attachments import attachment_routes
from api.dialects.masetra.forms import PageAsOf
from api.dialects.masetra.opened import with_capa
from api.dialects.masetra.record_routes import CHANGE, DELETE, FIRE, GET, PATCH, POST, PUT, READ, Kind, record_routes
from api.dialects.masetra.resources import CAPA, DEVIATION
from api.records.shapes import AsOf
from api.routes import Route
from projections.capa_views import ActionOut, CapaDetail
from projections.deviation_views import DeviationDetail

DEVIATIONS = Kind(
    path="/api/deviations",
    tag="deviations",
    name="deviation",
    resource=DEVIATION,
    listed=deviations.list_deviations,
    begun=deviations.report_deviation,
    query=shapes.DeviationQuery,
    page=shapes.DeviationPage,
    body=shapes.DeviationIn,
    detail=DeviationDetail,
    changed=shapes.DeviationMoved,
    finish=with_capa,
)
CAPAS = Kind(
    path="/api/capas",
    tag="capas",
    name="CAPA",
    resource=CAPA,
    listed=capas.list_capas,
    begun=capas.open_capa,
    query=capa_shapes.CapaQuery,
    page=capa_shapes.CapaPage,
    body=capa_shapes.CapaIn,
    detail=CapaDetail,
    changed=CapaDetail,
)

_FINDINGS, _FOUND = f"{DEVIATIONS.one}/investigation", "Record what was found out"
_ACTIONS, _ACTION = f"{CAPAS.one}/actions", f"{CAPAS.one}/actions/{{action:int}}"
_DEVIATION: dict[int, Any] = {200: DeviationDetail}
_SHOWN: dict[int, Any] = {200: ActionOut}

ROUTES = [
    *record_routes(DEVIATIONS),
    Route(PUT, _FINDINGS, deviations.record_investigation, _FOUND, "deviations", _DEVIATION,
          body=shapes.InvestigationIn, refusals=CHANGE),
    Route(PATCH, _FINDINGS, deviations.record_investigation, _FOUND, "deviations", _DEVIATION,
          body=shapes.InvestigationIn, refusals=CHANGE),
    *attachment_routes(DEVIATIONS),
    *record_routes(CAPAS),
    *attachment_routes(CAPAS),
    Route(GET, _ACTIONS, capa_actions.list_actions, "List a CAPA's actions, oldest first", "capas",
          {200: capa_shapes.ActionPage}, query=PageAsOf, refusals=READ),
    Route(POST, _ACTIONS, capa_actions.add_action, "Plan one more action", "capas", {201: ActionOut},
          body=capa_shapes.ActionIn, refusals=FIRE),
    Route(GET, _ACTION, capa_actions.get_action, "One action", "capas", {**_SHOWN, 304: None}, query=AsOf,
          refusals=READ),
    Route(PUT, _ACTION, capa_actions.change_action, "Change an action, or say that it is done", "capas", _SHOWN,
          body=capa_shapes.ActionChange, refusals=CHANGE),
    Route(PATCH, _ACTION, capa_actions.change_action, "Change an action, or say that it is done", "capas", _SHOWN,
          body=capa_shapes.ActionChange, refusals=CHANGE),
    Route(DELETE, _ACTION, capa_actions.remove_action, "Take an action out of the plan", "capas", {204: None},
          body=shapes.RemovalIn, body_required=False, query=shapes.RemovalQuery, refusals=CHANGE),
]  # fmt: skip
