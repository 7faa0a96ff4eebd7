"""What every dialect's clients send with a step, and get of a record's steps and history."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from api.fields import END
from domain.workflow import Offer

Sentence = Annotated[str, Meta(min_length=1, max_length=2_000)]


#: A one-time code.
Code = Annotated[str, Meta(min_length=6, max_length=6, pattern=r"^[0-9]{6}$")]


class SignatureIn(Struct, frozen=True):
    """The signer's password again, and what the signature means.

    otp: a one-time code, a must where the signer has set them up. username: the signer's own, a must where the setting
    `signature_require_username` says so.
    """

    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    meaning: Annotated[str, Meta(min_length=1, max_length=500)]
    otp: Code | None = None
    username: Annotated[str, Meta(min_length=1, max_length=150)] | None = None


class Words(Struct, frozen=True, kw_only=True):
    """What may be said with any change."""

    comment: Sentence | None = None
    reason: Sentence | None = None


class Moving(Words, frozen=True, kw_only=True):
    """What comes with a change that may move the record on."""

    signature: SignatureIn | None = None


class Firing(Moving, frozen=True, kw_only=True):
    """A transition to fire."""

    transition: Annotated[str, Meta(min_length=1, max_length=100)]


class Because(Struct, frozen=True):
    """Why something is removed."""

    reason: Sentence | None = None


#: A time to look back to: what was recorded within it counts.
Moment = Annotated[datetime, END]


class AsOf(Struct, frozen=True, kw_only=True):
    """The query of a look back. A date is that UTC day's end, a time in whole seconds that second's."""

    as_of: Moment | None = None


class TransitionsOut(Struct, frozen=True):
    """What may be fired now, and for the rest why not."""

    status: str
    transitions: list[Offer]


class ActorOut(Struct, frozen=True):
    """Who did it."""

    id: int
    username: str
    display_name: str


class SourceOut(Struct, frozen=True):
    """Where it came from."""

    address: str | None
    token_id: str | None


class ChangeOut(Struct, frozen=True):
    """A field before and after."""

    field: str
    before: Any
    after: Any


class SignatureOut(Struct, frozen=True):
    """An electronic signature; `valid`: its seal and the hash of what was signed hold."""

    by: int
    name: str
    at: datetime
    meaning: str
    hash: str
    valid: bool


class HistoryEntry(Struct, frozen=True, rename={"from_state": "from", "to_state": "to"}):
    """One event of a record."""

    position: int
    version: int
    event: str
    at: datetime
    actor: ActorOut | None
    source: SourceOut
    from_state: str | None
    to_state: str | None
    comment: str | None
    reason: str | None
    changes: list[ChangeOut]
    signature: SignatureOut | None
