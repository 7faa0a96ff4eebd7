"""The queries on deviations."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, LiteralString

from msgspec import Struct

from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation
from projections.deviation_views import summary
from projections.listing import Listing
from projections.past_listing import PastListing


class DeviationFilter(Struct, frozen=True, kw_only=True):
    """What a list is narrowed to. `begun_before` is exclusive; cancelled ones only where they are asked for."""

    status: str | None = None
    department: str | None = None
    begun_from: datetime | None = None
    begun_before: datetime | None = None


_FILTERS: Final[Mapping[str, LiteralString]] = {
    "status": "status = %(status)s",
    "department": "department = %(department)s",
    "begun_from": "initiated_at >= %(begun_from)s",
    "begun_before": "initiated_at < %(begun_before)s",
}
_UNLESS: Final[Mapping[str, LiteralString]] = {"status": "status <> 'CANCELLED'"}

LISTING: Listing[DeviationFilter, Deviation] = Listing("deviations", filters=_FILTERS, unless=_UNLESS)
PAST: PastListing[DeviationFilter, Deviation] = PastListing(DEVIATIONS, summary, filters=_FILTERS, unless=_UNLESS)
find, one, stream_of = LISTING.find, LISTING.one, LISTING.stream_of
