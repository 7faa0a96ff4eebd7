"""Which records keep somebody's printed name, and until when: asked of the ledger itself."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection

from domain.platform.retention import (
    NAMING,
    RETAINED,
    Retention,
    ending_topics,
    naming_topics,
    reopening_topics,
    retention,
)
from ledger.arrays import TextColumn, UuidColumn
from ledger.codec import Codec
from ledger.queries import queries
from projections.standing import settings_now

_SQL = queries("projections", "kept")


class KeptBy(Struct, frozen=True, kw_only=True):
    """The records of a kind that keep a name: how many, how many are open, until when the others are kept."""

    kind: str
    records: int
    open: int
    until: datetime | None


class Kept(Struct, frozen=True, kw_only=True):
    """What keeps a printed name: until when, None while a record is open or where there is none; and that by kind."""

    until: datetime | None
    records: tuple[KeptBy, ...]

    def holds(self, now: datetime) -> bool:
        """Tell whether a record keeps the name still."""
        return any(Retention(it.open, it.until).keeps(now) for it in self.records)


async def streams_of(connection: AsyncConnection[Any], users: Collection[int]) -> Mapping[int, list[UUID]]:
    """Return the records in which each of some users acted, signed or is named.

    Reads the whole ledger, once for however many: see docs/howto/erasure.md for how long that takes.
    """
    given = {
        "users": TextColumn([str(user) for user in users]),
        "kinds": TextColumn(list(RETAINED)),
        "topics": TextColumn(naming_topics()),
        # Of JSON: what stands in a text has a backslash before its second quotation mark.
        "naming": f'"(?:{"|".join(NAMING)})":([0-9]{{1,18}})[,}}]',
    }
    found = defaultdict[int, list[UUID]](list)
    for user, stream in await (await connection.execute(_SQL.streams, given)).fetchall():
        found[user].append(stream)
    return found


async def kept(connection: AsyncConnection[Any], codec: Codec, streams: Collection[UUID]) -> Kept:
    """Return until when records keep the name of somebody who is in all of them."""
    years = (await settings_now(connection, codec)).retention_years
    given = {
        "streams": UuidColumn(list(streams)),
        "ending": TextColumn(ending_topics()),
        "reopening": TextColumn(reopening_topics()),
    }
    ends: dict[str, list[datetime | None]] = defaultdict(list)
    for kind, end in await (await connection.execute(_SQL.ends, given)).fetchall():
        ends[kind].append(end)
    whole = retention([end for its in ends.values() for end in its], years)
    return Kept(
        until=None if whole.unended else whole.until,
        records=tuple(_by_kind(kind, ends[kind], years) for kind in RETAINED if kind in ends),
    )


def _by_kind(kind: str, ends: list[datetime | None], years: int) -> KeptBy:
    it = retention(ends, years)
    return KeptBy(kind=kind, records=len(ends), open=it.unended, until=it.until)
