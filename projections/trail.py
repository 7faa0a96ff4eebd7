"""The audit trail's read model: a row for each event of every kind, with what it is found by; no name is in it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Optional
from uuid import UUID

from psycopg import AsyncConnection

from domain.catalogue import WORKFLOWS
from domain.events import Recorded
from domain.platform.review import KIND as REVIEW
from domain.platform.review import about
from domain.platform.risk import RISKS, risk_of
from ledger.arrays import LongColumn, OptionalLongColumn, TextColumn, UuidColumn
from ledger.codec import Codec
from ledger.queries import queries
from ledger.rows import microseconds
from projections.read_model import Columns, ReadModel, Rows
from projections.trail_words import words_of

_SENT: Columns = {
    "stream": UuidColumn,
    **dict.fromkeys(("version", "position", "at", "id", "rank"), LongColumn),
    **dict.fromkeys(("actor", "signer", "about", "reviewed"), OptionalLongColumn),
    **dict.fromkeys(("kind", "number", "topic", "address", "standing", "words"), TextColumn),
}


class Told(NamedTuple):
    """An event as a row tells it, behind the one before it in its stream; that of an event just loaded is not known.

    A chain, so that folding a long stream costs the same for each event.
    """

    stream: UUID
    version: int
    position: int
    at: int
    id: int
    rank: int
    actor: int | None
    signer: int | None
    about: int | None
    reviewed: int | None
    kind: str
    number: str
    topic: str
    address: str
    standing: str
    words: str
    former: Optional["Told"] = None


class TrailReadModel(ReadModel[Told]):
    """One row an event. How a review stands is in the last of its rows, so that it is found by what it is about."""

    name = "trail"
    kinds = frozenset(WORKFLOWS)
    sql = queries("projections", "trail")
    apart: ClassVar[bool] = True

    def __init__(self, codec: Codec) -> None:  # noqa: ARG002 - made as every read model is
        """Tell of events of every kind; nothing that is kept is encoded."""
        self.sent = _SENT

    def evolve(self, record: Told | None, recorded: Recorded) -> Told:
        """Tell of one more event."""
        event = recorded.event
        number = getattr(event, "number", "") or (record.number if record else "")
        identity = getattr(event, "id", 0) or (record.id if record else _native_id(recorded))
        return Told(
            stream=recorded.stream,
            version=recorded.version,
            position=recorded.position,
            at=microseconds(recorded.at),
            id=identity,
            rank=RISKS.index(risk_of(event)),
            actor=event.actor,
            signer=event.signature.signer if event.signature else None,
            about=about(event, identity),
            reviewed=identity if event.kind == REVIEW else None,
            kind=event.kind,
            number=number,
            topic=event.topic,
            address=(event.source.address if event.source else None) or "",
            standing=event.to_state or "" if event.kind == REVIEW else "",
            words=words_of(event, number),
            former=record,
        )

    def rows(self, record: Told, position: int) -> Rows:  # noqa: ARG002 - each row has its own
        """Return the rows of a stream's events, oldest first."""
        return _rows(record, None)

    def changed(self, before: Told | None, record: Told, position: int) -> Rows:  # noqa: ARG002 - each row has its own
        """Return the rows of the events that came, behind that of a review which stands no more."""
        past = [{**_row(before), "standing": ""}] if before is not None and before.standing else []
        return past + _rows(record, before)

    def named(self, row: Mapping[str, Any]) -> str:
        """Return what the record of a row is called: `deviation/1`."""
        return f"{row['kind']}/{row['id']}"

    async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
        """Add a row an event; what is reviewed comes into the queue, or leaves it."""
        await super().apply(connection, events)
        if reviews := sorted({it.stream for it in events if it.event.kind == REVIEW}):
            await connection.execute(self.sql.reviewed, (UuidColumn(reviews),), prepare=True)

    async def load(self, connection: AsyncConnection[Any], streams: list[UUID]) -> dict[UUID, Told]:
        """Return the last event of each stream: the next one needs no more."""
        cursor = await connection.execute(self.sql.records, (UuidColumn(streams),), prepare=True, binary=True)
        return {row[0]: Told(*row) for row in await cursor.fetchall()}


def _rows(last: Told, before: Told | None) -> Rows:
    """Return the rows of a chain that come after one of it; only the last one says how a review stands."""
    found, it = [_row(last)], last.former
    while it is not None and it is not before:
        found.append({**_row(it), "standing": ""})
        it = it.former
    return found[::-1]


def _row(told: Told) -> dict[str, Any]:
    return dict(zip(_SENT_NAMES, told, strict=False))


_SENT_NAMES = Told._fields[:-1]


def _native_id(recorded: Recorded) -> int:
    """Return the id of a record that is there by nature; 0 where a stream begins with something else than it should."""
    native = WORKFLOWS[recorded.event.kind].native(recorded.stream)
    return int(native.id) if native else 0
