"""The reports' read model: the stretches of time in which each deviation and each CAPA was open."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from domain.events import Recorded
from ledger.arrays import LongColumn, TextColumn, UuidColumn
from ledger.queries import queries
from projections.read_model import Columns, Rows
from projections.report_life import SUBJECTS, Life, Stretch, evolve
from projections.stretches import StretchesReadModel

_TRAITS = ("status", "grade", "category", "source", "department")
_SENT: Columns = {
    "stream": UuidColumn,
    **dict.fromkeys(("n", "id", "begun", "since", "until", "due"), LongColumn),
    **dict.fromkeys(("kind", "began", "ended", *_TRAITS), TextColumn),
}


class ReportsReadModel(StretchesReadModel[Life]):
    """One row a stretch: what of it is counted, and when. A record is its rows; nothing else is kept of it."""

    name = "reports"
    kinds = frozenset(SUBJECTS)
    sql = queries("projections", "reports")
    columns = _SENT

    def evolve(self, record: Life | None, recorded: Recorded) -> Life:
        """Fold one event into a life."""
        return evolve(record, recorded)

    def rows(self, record: Life, position: int) -> Rows:  # noqa: ARG002 - nobody asks
        """Return a life's stretches, the first one first."""
        common = {name: getattr(record, name) for name in ("stream", "id", "kind", *_TRAITS)}
        begun = record.stretches[0].since
        return [
            {
                **common,
                "n": n,
                "begun": begun,
                "since": it.since,
                "until": it.until,
                "due": it.due,
                "began": it.began,
                "ended": it.ended,
            }
            for n, it in enumerate(record.stretches)
        ]

    async def load(self, connection: AsyncConnection[Any], streams: list[UUID]) -> dict[UUID, Life]:
        """Return the lives of streams, put together of their rows."""
        cursor = await connection.execute(self.sql.records, (UuidColumn(streams),), prepare=True, binary=True)
        return {stream: _life(its) for stream, its in groupby(await cursor.fetchall(), itemgetter(0))}


def _life(rows: Iterable[tuple[Any, ...]]) -> Life:
    first, *more = rows
    stream, number, kind, status, grade, category, source, department = first[:8]
    return Life(
        id=number,
        stream=stream,
        kind=kind,
        status=status,
        grade=grade,
        category=category,
        source=source,
        department=department,
        stretches=tuple(Stretch(*row[8:]) for row in (first, *more)),
    )
