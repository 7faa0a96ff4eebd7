"""The doors of the audit trail, of its review, and of what became of settings and roles."""

from api.dialects.masetra import audit_review, audit_trail, config_history, shapes
from api.dialects.masetra import trail_shapes as trail
from api.dialects.masetra.forms import Page
from api.dialects.masetra.record_routes import GET, POST, READ
from api.dialects.masetra.trail_export import MEDIA
from api.records.shapes import TransitionsOut
from api.routes import Route

_ALL, _TAG, _VIEW = "/api/audit", "audit", "trail"
_ONE = f"{_ALL}/{{position:int}}"
_REVIEW = (400, 401, 403, 404, 409, 413, 415, 422, 503)

ROUTES = [
    Route(GET, _ALL, audit_trail.list_trail, "Everything that happened, newest first", _TAG, {200: trail.TrailPage},
          query=trail.TrailQuery, refusals=(400, 401, 403, 503), media=MEDIA, follows=_VIEW),
    Route(GET, f"{_ALL}/queue", audit_trail.list_queue, "What is to be reviewed, by risk", _TAG,
          {200: trail.TrailPage}, query=trail.QueueQuery, refusals=(400, 401, 403, 503), follows=_VIEW),
    Route(GET, _ONE, audit_trail.get_entry, "One event of the trail", _TAG, {200: trail.TrailEntry}, refusals=READ,
          follows=_VIEW),
    Route(GET, f"{_ONE}/transitions", audit_review.offers, "What may be done in its review, and why not the rest",
          _TAG, {200: TransitionsOut}, refusals=READ, follows=_VIEW),
    Route(POST, f"{_ONE}/review", audit_review.review, "Accept or question an event, or resolve a question", _TAG,
          {200: trail.ReviewOut}, body=trail.ReviewIn, refusals=_REVIEW, follows=_VIEW),
    Route(POST, f"{_ALL}/reviews", audit_review.review_several, "Review several events, all of them or none", _TAG,
          {200: trail.ReviewsOut}, body=trail.ReviewsIn, refusals=_REVIEW, follows=_VIEW),
    Route(GET, "/api/config/system/history", config_history.of_settings, "Every change of the settings", "config",
          {200: shapes.HistoryPage}, query=Page, refusals=READ),
    Route(GET, "/api/config/roles/{id:int}/history", config_history.of_role, "Every change of a role", "config",
          {200: shapes.HistoryPage}, query=Page, refusals=READ),
]  # fmt: skip
