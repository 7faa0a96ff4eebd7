"""The deviations' read model."""

from typing import Any, ClassVar

from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation
from ledger.arrays import BytesColumn, LongColumn, TextColumn
from ledger.queries import queries
from ledger.rows import microseconds
from projections.deviation_views import DeviationSummary, summary
from projections.projection import Projection, ready


class DeviationsProjection(Projection[Deviation]):
    """One row a deviation: what lists filter by, the ready summary, and the record."""

    name = "deviations"
    sql = queries("projections", "deviations")
    workflow = DEVIATIONS
    folded = Deviation
    answers = (DeviationSummary,)
    columns: ClassVar = {
        "number": TextColumn,
        "status": TextColumn,
        "department": TextColumn,
        "initiated_at": LongColumn,
        "summary": BytesColumn,
    }

    def found_by(self, record: Deviation) -> dict[str, Any]:
        """Return what a deviation is found by, and its ready summary."""
        return {
            "number": record.number,
            "status": record.status,
            "department": record.department,
            "initiated_at": microseconds(record.initiated_at),
            "summary": ready(summary(record)),
        }
