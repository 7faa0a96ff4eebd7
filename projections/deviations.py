"""The deviations' read model."""

from typing import Any, ClassVar

from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation
from ledger.arrays import BytesColumn, LongColumn, TextColumn, UuidColumn
from ledger.codec import Codec
from ledger.queries import queries
from ledger.rows import microseconds
from projections.deviation_views import summary
from projections.projection import Projection, ready


class DeviationsProjection(Projection[Deviation]):
    """One row a deviation: what lists filter by, the ready summary, and the record."""

    name = "deviations"
    sql = queries("projections", "deviations")
    columns: ClassVar = {
        "id": LongColumn,
        "stream": UuidColumn,
        "number": TextColumn,
        "version": LongColumn,
        "position": LongColumn,
        "status": TextColumn,
        "department": TextColumn,
        "initiated_at": LongColumn,
        "summary": BytesColumn,
    }

    def __init__(self, codec: Codec) -> None:
        """Fold deviations."""
        super().__init__(codec, DEVIATIONS, Deviation)

    def row(self, record: Deviation, position: int) -> dict[str, Any]:
        """Return a deviation's row."""
        return {
            "id": record.id,
            "stream": record.stream,
            "number": record.number,
            "version": record.version,
            "position": position,
            "status": record.status,
            "department": record.department,
            "initiated_at": microseconds(record.initiated_at),
            "summary": ready(summary(record)),
        }
