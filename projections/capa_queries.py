"""The queries on CAPAs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, LiteralString

from msgspec import Struct

from domain.quality.capa import CAPAS
from domain.quality.capa_facts import Capa
from projections.capa_views import summary
from projections.listing import Listing
from projections.past_listing import PastListing


class CapaFilter(Struct, frozen=True, kw_only=True):
    """What a list is narrowed to. `begun_before` is exclusive; cancelled ones only where they are asked for.

    overdue_at: those that are open at that moment, and were to be completed before it; timely_at: all others.
    """

    status: str | None = None
    department: str | None = None
    priority: str | None = None
    source_type: str | None = None
    source_id: int | None = None
    owner: int | None = None
    begun_from: datetime | None = None
    begun_before: datetime | None = None
    overdue_at: datetime | None = None
    timely_at: datetime | None = None


_FILTERS: Final[Mapping[str, LiteralString]] = {
    "status": "status = %(status)s",
    "department": "department = %(department)s",
    "priority": "priority = %(priority)s",
    "source_type": "source_type = %(source_type)s",
    "source_id": "source_id = %(source_id)s",
    "owner": "owner = %(owner)s",
    "begun_from": "initiated_at >= %(begun_from)s",
    "begun_before": "initiated_at < %(begun_before)s",
    "overdue_at": "due_at < %(overdue_at)s AND status NOT IN ('CLOSED', 'CANCELLED')",
    "timely_at": "(due_at < %(timely_at)s AND status NOT IN ('CLOSED', 'CANCELLED')) IS NOT TRUE",
}
_UNLESS: Final[Mapping[str, LiteralString]] = {"status": "status <> 'CANCELLED'"}

LISTING: Listing[CapaFilter, Capa] = Listing(
    "capas", filters=_FILTERS, unless=_UNLESS, passing=frozenset({"overdue_at", "timely_at"})
)
PAST: PastListing[CapaFilter, Capa] = PastListing(CAPAS, summary, filters=_FILTERS, unless=_UNLESS)
find, one, stream_of = LISTING.find, LISTING.one, LISTING.stream_of
