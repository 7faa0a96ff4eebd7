"""Figures as clients see them: every value of a closed set is there, with 0 where it counts nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.dialects.masetra import report_shapes as shapes
from api.dialects.masetra.report_asked import Asked, Moment
from domain.quality.vocabulary import CATEGORIES, CLASSIFICATIONS, PRIORITIES, SOURCES
from projections.report_life import CANCELLED, CAPA, CLOSED, DEVIATION, OPENED, OVER, REOPENED, Subject
from projections.report_periods import Days
from projections.report_queries import AGES, Board, Figures

_NO_CATEGORY = "UNCATEGORIZED"


@dataclass(frozen=True)
class Kind:
    """A kind of record's report: its shapes, and under which name it breaks down by which trait into which values.

    own: the figures that no other kind has.
    """

    subject: Subject
    title: str
    report: type[shapes.DeviationReport] | type[shapes.CapaReport]
    figures: Callable[..., Any]
    by: Mapping[str, tuple[str, tuple[str, ...]]]
    own: Callable[[Figures], Mapping[str, Any]] = lambda _: {}

    def made(self, asked: Asked, moment: Moment, rows: Iterable[Figures], total: Figures) -> shapes.Report:
        """Return the report."""
        pairs = zip(asked.periods, rows, strict=True)
        return self.report(
            period=asked.period,
            start_date=asked.days.first,
            end_date=asked.days.last,
            time_zone=moment.zone.key,
            generated_at=moment.shown,
            filters=asked.filters,
            rows=[self._figures(days, it) for days, it in pairs],
            totals=self._figures(asked.days, total),
        )

    def _figures(self, days: Days, it: Figures) -> Any:
        return self.figures(
            first=days.first,
            last=days.last,
            opened=it.counts[OPENED],
            reopened=it.counts[REOPENED],
            closed=it.counts[CLOSED],
            cancelled=it.counts[CANCELLED],
            open_at_end=it.open_at_end,
            overdue=it.overdue,
            by_status=_filled(self.subject.workflow.states, it.by["status"]),
            by_department=_named(it.by["department"]),
            days_to_close=shapes.DaysToClose(mean=it.closings.mean_days, p90=it.closings.ninetieth_days),
            **{name: _filled(values, it.by[trait]) for name, (trait, values) in self.by.items()},
            **self.own(it),
        )


DEVIATIONS = Kind(
    DEVIATION,
    "Deviations",
    shapes.DeviationReport,
    shapes.DeviationFigures,
    {"by_classification": ("grade", CLASSIFICATIONS), "by_category": ("category", CATEGORIES)},
)
CAPAS = Kind(
    CAPA,
    "CAPAs",
    shapes.CapaReport,
    shapes.CapaFigures,
    {
        "by_priority": ("grade", PRIORITIES),
        "by_source_type": ("source", SOURCES),
        "by_category": ("category", (*CATEGORIES, "")),
    },
    lambda it: {"effectiveness_rate": it.effectiveness},
)


def open_records(subject: Subject, board: Board, months: Iterable[Days], flow: Iterable[Figures]) -> shapes.OpenRecords:
    """Return a kind of record's part of the dashboard."""
    stages = [state for state in subject.workflow.states if state not in OVER]
    return shapes.OpenRecords(
        open=board.open,
        overdue=board.overdue,
        due_this_week=board.due_this_week,
        by_stage=_filled(stages, board.by_stage),
        by_department=_named(board.by_department),
        ageing={age: board.ages[age] for age in reversed(AGES)},
        trend=[
            shapes.TrendMonth(
                first=days.first,
                last=days.last,
                opened=it.counts[OPENED],
                closed=it.counts[CLOSED],
                open_at_end=it.open_at_end,
            )
            for days, it in zip(months, flow, strict=True)
        ],
    )


def _filled(values: Iterable[str], counted: Mapping[str, int]) -> dict[str, int]:
    """Return how many of each value, in its set's order; what an earlier release knew besides comes last."""
    return {value or _NO_CATEGORY: counted.get(value, 0) for value in dict.fromkeys([*values, *sorted(counted)])}


def _named(counted: Mapping[str, int]) -> dict[str, int]:
    """Return how many of each name, in their order."""
    return {name: counted[name] for name in sorted(counted)}
