"""The queries on deviations."""

from datetime import datetime

from msgspec import Struct

from domain.quality.deviation_facts import Deviation
from projections.listing import Listing


class DeviationFilter(Struct, frozen=True, kw_only=True):
    """What a list is narrowed to. `begun_before` is exclusive; cancelled ones only where they are asked for."""

    status: str | None = None
    department: str | None = None
    begun_from: datetime | None = None
    begun_before: datetime | None = None


LISTING: Listing[DeviationFilter, Deviation] = Listing(
    "deviations",
    filters={
        "status": "status = %(status)s",
        "department": "department = %(department)s",
        "begun_from": "initiated_at >= %(begun_from)s",
        "begun_before": "initiated_at < %(begun_before)s",
    },
    unless={"status": "status <> 'CANCELLED'"},
)
find, one, stream_of = LISTING.find, LISTING.one, LISTING.stream_of
