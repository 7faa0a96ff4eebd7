"""The CAPAs' read model."""

from typing import Any, ClassVar

from domain.quality.capa import CAPAS
from domain.quality.capa_facts import Capa
from ledger.arrays import BytesColumn, LongColumn, OptionalLongColumn, TextColumn
from ledger.queries import queries
from ledger.rows import microseconds
from projections.capa_views import CapaSummary, summary
from projections.projection import Projection, ready


class CapasProjection(Projection[Capa]):
    """One row a CAPA: what lists filter by, the ready summary, and the record."""

    name = "capas"
    sql = queries("projections", "capas")
    workflow = CAPAS
    folded = Capa
    answers = (CapaSummary,)
    columns: ClassVar = {
        "number": TextColumn,
        "status": TextColumn,
        "department": TextColumn,
        "priority": TextColumn,
        "source_type": TextColumn,
        "source_id": OptionalLongColumn,
        "owner": OptionalLongColumn,
        "initiated_at": LongColumn,
        "due_at": OptionalLongColumn,
        "summary": BytesColumn,
    }

    def found_by(self, record: Capa) -> dict[str, Any]:
        """Return what a CAPA is found by, and its ready summary."""
        due = record.target_completion_date
        return {
            "number": record.number,
            "status": record.status,
            "department": record.department,
            "priority": record.priority,
            "source_type": record.source_type,
            "source_id": record.source_id,
            "owner": record.owner,
            "initiated_at": microseconds(record.initiated_at),
            "due_at": None if due is None else microseconds(due),
            "summary": ready(summary(record)),
        }
