"""What an inspector's copy says. Times are UTC, to the microsecond, as they were recorded."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Raw, Struct


class CopiedPerson(Struct, frozen=True):
    """A user under the names that he had then; of who was erased, those that a record still keeps."""

    id: int
    username: str
    name: str


class CopiedSource(Struct, frozen=True):
    """Where it came from: the client's address, the id of its token, and its request."""

    address: str | None
    token_id: str | None
    request_id: str | None
    correlation_id: str | None


class CopiedChange(Struct, frozen=True):
    """A field before and after."""

    field: str
    before: Any
    after: Any


class CopiedSignature(Struct, frozen=True):
    """An electronic signature. hash: of all events before; holds: nothing that was signed, nor this, was altered."""

    by: CopiedPerson
    at: datetime
    meaning: str
    hash: str
    holds: bool


class CopiedEvent(Struct, frozen=True, kw_only=True, rename={"from_state": "from", "to_state": "to"}):
    """One event: who did what, when, why and from where, and what it changed. stored: the bytes themselves, as JSON.

    by: nobody where it was the system itself.
    """

    position: int
    version: int
    event: str
    at: datetime
    by: CopiedPerson | None
    source: CopiedSource
    from_state: str | None
    to_state: str | None
    reason: str | None
    comment: str | None
    changes: tuple[CopiedChange, ...]
    signature: CopiedSignature | None
    stored: Raw


class CopiedField(Struct, frozen=True):
    """A field as it stands: the version in which it was entered, and those in which it was changed since.

    derived: nobody enters it, the workflow keeps it.
    """

    field: str
    value: Any
    entered_in: int
    changed_in: tuple[int, ...]
    derived: bool


class CopiedState(Struct, frozen=True):
    """A state that the record came into: since when, in which version, and by whom."""

    state: str
    since: datetime
    version: int
    by: CopiedPerson | None


class Copy(Struct, frozen=True, kw_only=True):
    """An inspector's copy of one record. proof: see docs/reference/proof-bundle.md."""

    format: Literal["flowledger-copy/1"]
    kind: str
    id: int
    number: str
    title: str
    status: str
    stream: UUID
    version: int
    began_at: datetime
    last_at: datetime
    time_zone: Literal["UTC"]
    made_at: datetime
    made_by: CopiedPerson
    data_changed: bool
    signatures: int
    signatures_hold: bool
    data: tuple[CopiedField, ...]
    states: tuple[CopiedState, ...]
    people: tuple[CopiedPerson, ...]
    events: tuple[CopiedEvent, ...]
    proof: Raw
