"""Masetra's doors, each a line."""

from http import HTTPMethod

from api.dialects.masetra import deviations, edits, shapes, sign_in, steps, trail, users, webhooks
from api.dialects.masetra import platform_shapes as platform
from api.dialects.masetra.forms import Page
from api.routes import Route
from projections.deviation_views import DeviationDetail

GET, POST, PUT, PATCH, DELETE = (HTTPMethod[name] for name in ("GET", "POST", "PUT", "PATCH", "DELETE"))

_READ = (400, 401, 403, 404, 503)
_MAKE = (400, 401, 403, 409, 413, 415, 422, 503)
_CHANGE = (400, 401, 403, 404, 409, 412, 413, 415, 503)
_FIRE = (*_CHANGE, 422)
_OPEN = (400, 401, 413, 415, 503)

_DEVIATIONS = "/api/deviations"
_DEVIATION = "/api/deviations/{id:int}"

ROUTES = [
    Route(POST, "/api/auth/token", sign_in.make_token, "Obtain an access token", "auth", {200: platform.TokenOut},
          body=platform.TokenIn, refusals=_OPEN, public=True),
    Route(POST, "/api/auth/refresh", sign_in.refresh_token, "Refresh an access token", "auth",
          {200: platform.AccessOut}, body=platform.RefreshIn, refusals=_OPEN, public=True),
    Route(POST, "/api/auth/logout", sign_in.leave, "Log out: the refresh token is dead at once", "auth",
          {200: platform.DoneOut}, body=platform.LogoutIn, refusals=_OPEN, public=True),
    Route(GET, _DEVIATIONS, deviations.list_deviations, "List deviations, newest first", "deviations",
          {200: shapes.DeviationPage}, query=shapes.DeviationQuery, refusals=_READ),
    Route(POST, _DEVIATIONS, deviations.report_deviation, "Report a deviation", "deviations",
          {201: DeviationDetail}, body=shapes.DeviationIn, refusals=_MAKE),
    Route(GET, _DEVIATION, deviations.get_deviation, "One deviation", "deviations", {200: DeviationDetail, 304: None},
          refusals=_READ),
    Route(PUT, _DEVIATION, edits.change_deviation, "Change fields, or the status", "deviations",
          {200: DeviationDetail}, body=shapes.DeviationChange, refusals=_CHANGE),
    Route(PATCH, _DEVIATION, edits.change_deviation, "Change fields, or the status", "deviations",
          {200: DeviationDetail}, body=shapes.DeviationChange, refusals=_CHANGE),
    Route(DELETE, _DEVIATION, steps.remove_deviation, "Cancel a deviation; nothing is erased", "deviations",
          {204: None}, body=shapes.RemovalIn, body_required=False, query=shapes.RemovalQuery, refusals=_CHANGE),
    Route(POST, f"{_DEVIATION}/transition", steps.fire_transition, "Fire a transition", "deviations",
          {200: DeviationDetail}, body=shapes.TransitionIn, refusals=_FIRE),
    Route(GET, f"{_DEVIATION}/transitions", trail.list_transitions, "What may be fired now, and why not the rest",
          "deviations", {200: shapes.TransitionsOut}, refusals=_READ),
    Route(PUT, f"{_DEVIATION}/investigation", steps.record_investigation, "Record what was found out",
          "deviations", {200: DeviationDetail}, body=shapes.InvestigationIn, refusals=_CHANGE),
    Route(PATCH, f"{_DEVIATION}/investigation", steps.record_investigation, "Record what was found out",
          "deviations", {200: DeviationDetail}, body=shapes.InvestigationIn, refusals=_CHANGE),
    Route(GET, f"{_DEVIATION}/history", trail.list_history, "Every event, with what it changed", "deviations",
          {200: shapes.HistoryPage}, query=Page, refusals=_READ),
    Route(GET, "/api/users", users.list_users, "List users", "users", {200: platform.UserPage}, query=users.UserQuery,
          refusals=_READ),
    Route(POST, "/api/users", users.add_user, "Add a user", "users", {201: platform.UserOut}, body=platform.UserIn,
          refusals=_MAKE),
    Route(GET, "/api/users/{id:int}", users.get_user, "One user", "users", {200: platform.UserOut, 304: None},
          refusals=_READ),
    Route(GET, "/api/webhooks", webhooks.list_webhooks, "List webhooks", "webhooks", {200: platform.WebhookPage},
          query=Page, refusals=_READ),
    Route(POST, "/api/webhooks", webhooks.add_webhook, "Add a webhook", "webhooks", {201: platform.WebhookOut},
          body=platform.WebhookIn, refusals=_MAKE),
    Route(GET, "/api/webhooks/{id:int}", webhooks.get_webhook, "One webhook", "webhooks",
          {200: platform.WebhookOut, 304: None}, refusals=_READ),
    Route(DELETE, "/api/webhooks/{id:int}", webhooks.delete_webhook, "Delete a webhook", "webhooks", {204: None},
          body=shapes.RemovalIn, body_required=False, query=shapes.RemovalQuery, refusals=_CHANGE),
]  # fmt: skip
