"""The doors of reports."""

from api.dialects.masetra import report_shapes as shapes
from api.dialects.masetra import reports
from api.dialects.masetra.record_routes import GET
from api.dialects.masetra.report_formats import MEDIA
from api.routes import Route

_ALL = "/api/reports"
_READ = (400, 401, 403, 503)
_TAG = "reports"

ROUTES = [
    Route(GET, f"{_ALL}/deviations", reports.report_deviations, "Deviations by period", _TAG,
          {200: shapes.DeviationReport}, query=shapes.ReportQuery, refusals=_READ, media=MEDIA),
    Route(GET, f"{_ALL}/capas", reports.report_capas, "CAPAs by period", _TAG, {200: shapes.CapaReport},
          query=shapes.ReportQuery, refusals=_READ, media=MEDIA),
    Route(GET, f"{_ALL}/dashboard", reports.show_dashboard, "Where deviations and CAPAs stand", _TAG,
          {200: shapes.Dashboard}, query=shapes.DashboardQuery, refusals=_READ, media=MEDIA),
]  # fmt: skip
