"""A row of `ledger.events`, and the bytes of it that the tree's leaf covers: every column, each with its length."""

from datetime import UTC, datetime, timedelta
from struct import Struct as Layout
from typing import NamedTuple
from uuid import UUID

from ledger.merkle import leaf_hash

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: position, originator_id, originator_version, recorded_at in microseconds since 1970, length of the topic; big-endian.
HEAD = Layout(">q16sqqI")


class Row(NamedTuple):
    """One stored event, as the database gives it."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes
    recorded_at: datetime


def microseconds(moment: datetime) -> int:
    """Return a moment as whole microseconds since 1970 UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def row_hash(row: Row) -> bytes:
    """Return the leaf hash of a row: header, topic in UTF-8, then the state's bytes."""
    position, originator_id, version, topic, state, recorded_at = row
    name = topic.encode()
    return leaf_hash(
        HEAD.pack(position, originator_id.bytes, version, (recorded_at - _EPOCH) // _MICROSECOND, len(name))
        + name
        + state
    )
