"""The read model of what was: which deviations and CAPAs there were at any time, as lists narrow them."""

from typing import Any
from uuid import UUID

from msgspec.structs import asdict
from psycopg import AsyncConnection

from domain.events import Recorded
from ledger.arrays import LongColumn, OptionalLongColumn, TextColumn, UuidColumn
from ledger.queries import queries
from projections.read_model import Columns, Rows
from projections.stretches import StretchesReadModel
from projections.version_life import KINDS, Life, Stretch, Traits, evolve

_SENT: Columns = {
    "stream": UuidColumn,
    **dict.fromkeys(("n", "id", "since", "until", "initiated_at"), LongColumn),
    **dict.fromkeys(("due_at", "source_id", "owner"), OptionalLongColumn),
    **dict.fromkeys(("kind", "status", "department", "priority", "source_type"), TextColumn),
}


class VersionsReadModel(StretchesReadModel[Life]):
    """One row a stretch. What a record was then is folded from its own events when it is asked for, not kept here."""

    name = "versions"
    kinds = KINDS
    sql = queries("projections", "versions")
    columns = _SENT

    def evolve(self, record: Life | None, recorded: Recorded) -> Life:
        """Fold one event into a life."""
        return evolve(record, recorded)

    def rows(self, record: Life, position: int) -> Rows:  # noqa: ARG002 - nobody asks
        """Return a life's stretches from its first on, or from the one on that it was loaded with."""
        common = {name: getattr(record, name) for name in ("stream", "id", "kind", "initiated_at")}
        return [
            {**common, "n": n, "since": it.since, "until": it.until, **asdict(it.traits)}
            for n, it in enumerate(record.stretches, record.first)
        ]

    async def load(self, connection: AsyncConnection[Any], streams: list[UUID]) -> dict[UUID, Life]:
        """Return the lives of streams, each with its last stretch alone: no other one changes any more."""
        cursor = await connection.execute(self.sql.records, (UuidColumn(streams),), prepare=True, binary=True)
        return {row[0]: _life(*row) for row in await cursor.fetchall()}


def _life(stream: UUID, n: int, number: int, since: int, until: int, begun: int, kind: str, *traits: Any) -> Life:
    last = Stretch(since, until, Traits(*traits))
    return Life(id=number, stream=stream, kind=kind, initiated_at=begun, first=n, stretches=(last,))
