"""Walking through the audit trail, and through what of it is to be reviewed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, LiteralString, NamedTuple
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection, sql

from ledger.arrays import LongColumn, UuidColumn
from ledger.queries import queries
from ledger.rows import Row

_SQL = queries("projections", "trail")
#: Found by who did it, who signed it, and whom it is about: a walk along each index.
_WHO: Final[tuple[LiteralString, ...]] = ("actor = %(user)s", "signer = %(user)s", "about = %(user)s")
_FILTERS: Final[Mapping[str, LiteralString]] = {
    "position": "position = %(position)s",
    "stream": "stream = %(stream)s",
    "number": "stream = (SELECT stream FROM trail WHERE number = %(number)s AND version = 1 LIMIT 1)",
    "kind": "kind = %(kind)s",
    "events": "topic = ANY(%(events)s)",
    "risk": "rank = %(risk)s",
    "address": "address = %(address)s",
    # Time never goes back: a bound in time is one of positions.
    "since": "position >= (SELECT position FROM trail WHERE at >= %(since)s ORDER BY at, position LIMIT 1)",
    "until": "position < coalesce((SELECT position FROM trail WHERE at >= %(until)s ORDER BY at, position LIMIT 1),"
    " 9223372036854775807)",
    "text": "words @@ %(text)s::tsquery",
}
#: What is to be reviewed, nobody having accepted it: all of it, what nobody so much as looked at, what is questioned.
_OPEN: Final[Mapping[str | None, LiteralString]] = {
    None: "open",
    "PENDING": "open AND NOT EXISTS"
    " (SELECT FROM trail AS its WHERE its.reviewed = trail.position AND its.standing <> '')",
    "QUESTIONED": "open AND EXISTS"
    " (SELECT FROM trail AS its WHERE its.reviewed = trail.position AND its.standing = 'QUESTIONED')",
}


class TrailFilter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the trail is narrowed to; None narrows nothing.

    user: who did it, signed it, or is whom it is about. risk: a rank. since, until (exclusive): microseconds since
    1970. text: a tsquery.
    """

    position: int | None = None
    stream: UUID | None = None
    number: str | None = None
    kind: str | None = None
    user: int | None = None
    events: tuple[str, ...] | None = None
    risk: int | None = None
    address: str | None = None
    since: int | None = None
    until: int | None = None
    text: str | None = None


class Walk(NamedTuple):
    """A way through the trail: its order there and back, how each goes on behind a place, and conditions of its own.

    near: what is next to a place, or to the beginning, in either direction.
    """

    order: LiteralString
    back: LiteralString
    after: LiteralString
    before: LiteralString
    where: Sequence[LiteralString] = ()
    near: LiteralString | None = None


#: From the newest to the oldest.
NEWEST: Final = Walk(
    "position DESC",
    "position",
    "position < %(place)s",
    "position > %(place)s",
    near="position BETWEEN coalesce(%(place)s, (SELECT max(position) FROM trail)) - 10000"
    " AND coalesce(%(place)s, (SELECT max(position) FROM trail)) + 10000",
)


def queue(standing: str | None) -> Walk:
    """Return the way through what is to be reviewed, or was: by risk, what waits longest first. None: not accepted."""
    return Walk(
        "rank, position",
        "rank DESC, position DESC",
        "(rank, position) > (%(rank)s, %(place)s)",
        "(rank, position) < (%(rank)s, %(place)s)",
        ("rank < 2", _OPEN.get(standing, "NOT open")),
    )


class Found(NamedTuple):
    """An event as the trail finds it, and how its review stands, by whom and since when; None where there is none."""

    position: int
    stream: UUID
    version: int
    kind: str
    id: int
    number: str
    rank: int
    standing: str | None
    reviewer: int | None
    reviewed_at: int | None


class Place(NamedTuple):
    """Where a walk goes on: behind an event, there or back."""

    rank: int
    position: int
    back: bool = False


async def find(
    connection: AsyncConnection[Any], walk: Walk, wanted: TrailFilter, place: Place | None, limit: int
) -> list[Found]:
    """Return the next events of a walk, in its order; in the other order where it goes back.

    Words that are frequent are found close by; the index of words is asked for those that are not.
    """
    given = {name: value for name in wanted.__struct_fields__ if (value := getattr(wanted, name)) is not None}
    conditions = [_FILTERS[name] for name in given if name != "user"] + list(walk.where)
    if place is not None:
        conditions.append(walk.before if place.back else walk.after)
    back = place is not None and place.back
    question = _Question(connection, walk.back if back else walk.order, _WHO if wanted.user is not None else ("true",))
    values = {
        **given,
        "events": list(wanted.events or ()),
        "rank": place.rank if place else None,
        "place": place.position if place else None,
        "limit": limit,
    }
    if wanted.text is None:
        return await question.asked(_SQL.branch, conditions, values)
    if walk.near is not None:
        found = await question.asked(_SQL.branch, [*conditions, walk.near], values)
        if len(found) == limit:
            return found
    return await question.asked(_SQL.fence, conditions, values)


class _Question(NamedTuple):
    """A question for the next events in an order."""

    connection: AsyncConnection[Any]
    order: LiteralString
    who: Sequence[LiteralString]

    async def asked(
        self, branch: LiteralString, conditions: Sequence[LiteralString], values: Mapping[str, Any]
    ) -> list[Found]:
        branches = [
            sql.SQL(branch).format(
                filters=sql.SQL(" AND ").join(map(sql.SQL, (*conditions, one))), order=sql.SQL(self.order)
            )
            for one in self.who
        ]
        whole = sql.SQL(", ").join(sql.SQL("trail.") + sql.SQL(part) for part in self.order.split(", "))
        statement = sql.SQL(_SQL.walk).format(branches=sql.SQL(" UNION ").join(branches), order=whole)
        # Not prepared: which index is the best depends on what is asked for.
        cursor = await self.connection.execute(statement, values, prepare=False, binary=True)
        return [Found(*row) for row in await cursor.fetchall()]


async def histories_of(
    connection: AsyncConnection[Any], asked: Mapping[UUID, int], people: Collection[UUID]
) -> Mapping[UUID, list[Row]]:
    """Return the events of records, of each up to a version, oldest first: one query.

    people: those of them that are users' own; of each the erasure comes too, whenever it was: it decides how all that
    came before is told.
    """
    columns = {
        "stream": UuidColumn(list(asked)),
        "version": LongColumn(list(asked.values())),
        "people": UuidColumn(list(people)),
    }
    cursor = await connection.execute(_SQL.events, columns, prepare=True, binary=True)
    found = defaultdict[UUID, list[Row]](list)
    for row in await cursor.fetchall():
        found[row[1]].append(Row(*row))
    return found


async def events_at(connection: AsyncConnection[Any], positions: Iterable[int]) -> list[Row]:
    """Return the events at positions, those there are, from the ledger itself."""
    cursor = await connection.execute(_SQL.at, (LongColumn(list(positions)),), prepare=True, binary=True)
    return [Row(*row) for row in await cursor.fetchall()]
