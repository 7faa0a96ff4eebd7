"""Reports as tables: what their files are made of, whatever the form of the file."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from msgspec import Struct

from api.dialects.masetra import report_shapes as shapes
from projections.report_periods import Period

Cell = date | int | float | str | None
#: Departments with a column of their own: those in which most was opened.
_MOST_DEPARTMENTS = 50
_OTHERS = "by_department.(others)"
_COLUMNS, _LINE = ("opened", "closed"), "open_at_end"


class Plot(Struct, frozen=True, kw_only=True):
    """How a sheet is drawn: a group of columns for each row, one a name, and a line over those that have begun."""

    title: str
    labels: list[str]
    begun: int
    columns: tuple[str, ...] = _COLUMNS
    line: str = _LINE


class Sheet(Struct, frozen=True, kw_only=True):
    """A table. `total` is a last row of another kind."""

    name: str
    header: list[str]
    rows: list[list[Cell]]
    total: list[Cell] | None = None
    plot: Plot | None = None

    def column(self, name: str) -> list[Cell]:
        """Return the values under a name."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]


class Document(Struct, frozen=True, kw_only=True):
    """A report's file: its title, what is to be said of it, and its sheets. `stem`: its file name, without the form."""

    title: str
    stem: str
    notes: list[tuple[str, str]]
    sheets: list[Sheet]


def document(title: str, it: shapes.Dashboard | shapes.DeviationReport | shapes.CapaReport) -> Document:
    """Return a report as tables."""
    return _dashboard(title, it) if isinstance(it, shapes.Dashboard) else _report(title, it)


def _report(name: str, it: shapes.DeviationReport | shapes.CapaReport) -> Document:
    departments = [name for name, _ in Counter(it.totals.by_department).most_common(_MOST_DEPARTMENTS)]
    rows = [_flat(row, departments) for row in it.rows]
    total = _flat(it.totals, departments)
    header = list(total)
    title = f"{name}, {it.period}, {it.start_date} to {it.end_date}"
    sheet = Sheet(
        name=name,
        header=header,
        rows=[[row[column] for column in header] for row in rows],
        total=list(total.values()),
        plot=_plot(title, it.period, it.rows, _today(it)),
    )
    stem = f"{name.lower()}-{it.period}-{it.start_date}-{it.end_date}"
    return Document(title=title, stem=stem, notes=_notes(it), sheets=[sheet])


def _dashboard(name: str, it: shapes.Dashboard) -> Document:
    kinds = {"Deviations": it.deviations, "CAPAs": it.capas}
    standing = Sheet(
        name=name,
        header=["record", "figure", "name", "value"],
        rows=[row for kind, records in kinds.items() for row in _long(kind, records)],
    )
    trends = [_trend(kind, records.trend, _today(it)) for kind, records in kinds.items()]
    stem = f"{name.lower()}-{_today(it)}"
    return Document(title=name, stem=stem, notes=_notes(it), sheets=[standing, *trends])


def _today(it: shapes.Dashboard | shapes.Report) -> date:
    """Return the day on which a report was made, in its zone."""
    return it.generated_at.astimezone(ZoneInfo(it.time_zone)).date()


def _notes(it: shapes.Dashboard | shapes.Report) -> list[tuple[str, str]]:
    return [
        ("Department", it.filters.department or "all"),
        ("Time zone", it.time_zone),
        ("Generated at", it.generated_at.isoformat().replace("+00:00", "Z")),
    ]


def _trend(name: str, months: Sequence[shapes.TrendMonth], today: date) -> Sheet:
    return Sheet(
        name=f"{name} trend",
        header=list(shapes.TrendMonth.__struct_encode_fields__),
        rows=[[getattr(month, field) for field in month.__struct_fields__] for month in months],
        plot=_plot(f"{name}, last {len(months)} months", "monthly", months, today),
    )


def _plot(
    title: str, period: Period, rows: Sequence[shapes.Traffic] | Sequence[shapes.TrendMonth], today: date
) -> Plot:
    begun = sum(row.first <= today for row in rows)
    return Plot(title=title, labels=[_label(period, row.first) for row in rows], begun=begun)


def _long(record: str, it: shapes.OpenRecords) -> Iterable[list[Cell]]:
    for figure in ("open", "overdue", "due_this_week"):
        yield [record, figure, "", getattr(it, figure)]
    for figure in ("by_stage", "by_department", "ageing"):
        for name, count in getattr(it, figure).items():
            yield [record, figure, name, count]
    for month in it.trend:
        for figure in ("opened", "closed", "open_at_end"):
            yield [record, f"trend.{figure}", _label("monthly", month.first), getattr(month, figure)]


def _flat(it: shapes.Traffic, departments: Sequence[str]) -> dict[str, Cell]:
    """Return figures by the names that lead to them: `by_status.OPEN`."""
    found: dict[str, Cell] = {}
    for name, field in zip(it.__struct_encode_fields__, it.__struct_fields__, strict=True):
        value = getattr(it, field)
        if name == "by_department":
            found |= _departments(value, departments)
        elif isinstance(value, shapes.DaysToClose):
            found |= {f"{name}.mean": value.mean, f"{name}.p90": value.p90}
        elif isinstance(value, dict):
            found |= {f"{name}.{key}": count for key, count in value.items()}
        else:
            found[name] = value
    return found


def _departments(counts: shapes.Breakdown, departments: Sequence[str]) -> dict[str, Cell]:
    found: dict[str, Cell] = {f"by_department.{name}": counts.get(name, 0) for name in departments}
    if len(departments) == _MOST_DEPARTMENTS:
        found[_OTHERS] = sum(counts.values()) - sum(counts.get(name, 0) for name in departments)
    return found


def _label(period: Period, day: date) -> str:
    """Return what a period is called by its first day."""
    year, week, _ = day.isocalendar()
    return {
        "daily": day.isoformat(),
        "weekly": f"{year}-W{week:02d}",
        "monthly": f"{day.year}-{day.month:02d}",
        "yearly": str(day.year),
    }[period]
