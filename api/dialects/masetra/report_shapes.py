"""What Masetra's clients ask of reports, and get."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from api.fields import DAY
from projections.report_periods import Period

Format = Literal["json", "csv", "xlsx", "svg"]
#: How many of each.
Breakdown = dict[str, int]
Share = Annotated[float, Meta(ge=0, le=1)]


class DashboardQuery(Struct, frozen=True, kw_only=True):
    """What the dashboard is narrowed to, and its form."""

    department: Annotated[str, Meta(max_length=200)] | None = None
    format: Format | None = None


class ReportQuery(DashboardQuery, frozen=True, kw_only=True):
    """What a report is about. Dates are days in the setting's time zone, both ends in; of a time, its day there."""

    period: Period = "monthly"
    start_date: Annotated[datetime | None, DAY] = None
    end_date: Annotated[datetime | None, DAY] = None


class ReportFilters(Struct, frozen=True, kw_only=True):
    """What a report was narrowed to."""

    department: str | None


class DaysToClose(Struct, frozen=True, kw_only=True):
    """Days from the beginning to each closing, to two places; null where nothing was closed."""

    mean: float | None
    p90: float | None


class Traffic(Struct, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """What came and went in a run of days, both ends in, and what was open at its end."""

    first: date
    last: date
    opened: int
    reopened: int
    closed: int
    cancelled: int
    open_at_end: int
    overdue: int


class DeviationFigures(Traffic, frozen=True, kw_only=True):
    """A period's figures of deviations; each breakdown is of those opened in it, by what they are now."""

    by_classification: Breakdown
    by_category: Breakdown
    by_status: Breakdown
    by_department: Breakdown
    days_to_close: DaysToClose


class CapaFigures(Traffic, frozen=True, kw_only=True):
    """A period's figures of CAPAs; each breakdown is of those opened in it, by what they are now."""

    by_priority: Breakdown
    by_source_type: Breakdown
    by_category: Breakdown
    by_status: Breakdown
    by_department: Breakdown
    days_to_close: DaysToClose
    effectiveness_rate: Share | None


class Report(Struct, frozen=True, kw_only=True):
    """What a report says of itself."""

    period: Period
    start_date: date
    end_date: date
    time_zone: str
    generated_at: datetime
    filters: ReportFilters


class DeviationReport(Report, frozen=True, kw_only=True):
    """Deviations by period."""

    rows: list[DeviationFigures]
    totals: DeviationFigures


class CapaReport(Report, frozen=True, kw_only=True):
    """CAPAs by period."""

    rows: list[CapaFigures]
    totals: CapaFigures


class TrendMonth(Struct, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """A month of the trend; the last one goes on."""

    first: date
    last: date
    opened: int
    closed: int
    open_at_end: int


class OpenRecords(Struct, frozen=True, kw_only=True):
    """What is open of one kind of record. ageing: by whole days since its beginning."""

    open: int
    overdue: int
    due_this_week: int
    by_stage: Breakdown
    by_department: Breakdown
    ageing: Breakdown
    trend: list[TrendMonth]


class Dashboard(Struct, frozen=True, kw_only=True):
    """Where deviations and CAPAs stand."""

    time_zone: str
    generated_at: datetime
    filters: ReportFilters
    deviations: OpenRecords
    capas: OpenRecords
