"""Proofs and signed tree heads as they are shown; proofs byte for byte in docs/reference/proof-bundle.md."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

_LARGEST = 2**53 - 1
Form = Literal["json", "note"]
Size = Annotated[int, Meta(ge=1, le=_LARGEST)]


class ProvenEvent(Struct, frozen=True):
    """An event as it is stored. recorded_at: microseconds since 1970 UTC; state, proof: base64."""

    position: int
    proof: list[str]
    recorded_at: int
    state: str
    topic: str
    version: int


class ProofBundle(Struct, frozen=True):
    """A record's events, each with its inclusion proof, under one signed checkpoint."""

    checkpoint: str
    events: list[ProvenEvent]
    format: Literal["flowledger-proof/1"]
    key: str
    stream: str


class SignedHead(Struct, frozen=True):
    """A signed note, and the verifier key of who signed it."""

    checkpoint: str
    key: str


class ConsistencyProof(Struct, frozen=True):
    """That the first tree is the beginning of the second."""

    first: SignedHead
    format: Literal["flowledger-consistency/1"]
    proof: list[str]
    second: SignedHead


class CheckpointOut(Struct, frozen=True, kw_only=True):
    """A signed tree head. root: in hex; it, origin and key are null where no key that is known here has signed it."""

    size: int
    origin: str | None
    root: str | None
    key: str | None
    created_at: datetime
    note: str


class CheckpointPage(Struct, frozen=True):
    """A page of checkpoints."""

    count: int
    next: str | None
    previous: str | None
    results: list[CheckpointOut]


class CheckpointQuery(Struct, frozen=True, kw_only=True):
    """The form of one checkpoint."""

    format: Form | None = None


class ConsistencyQuery(Struct, frozen=True, kw_only=True):
    """Which checkpoints, by size: the oldest and the newest where they are not named."""

    first: Size | None = None
    second: Size | None = None
