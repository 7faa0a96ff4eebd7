"""Facts and their one envelope.

A fact's topic (`deviation.closed`) is its stored name, the subscription filter and the label in the audit trail: it is
given once here and never changes. Position, stream, version and time are columns of the ledger, not part of the bytes.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import Struct

_STREAMS = uuid5(NAMESPACE_URL, "https://flowledger.dev/streams")


def stream_id(kind: str, number: int) -> UUID:
    """Return the stream of a record by its kind and integer id: `deviation`, 1. The same for ever."""
    return uuid5(_STREAMS, f"{kind}/{number}")


class Personal:
    """Data about a person: readable here, sealed with a key of that person in the stored bytes.

    `value` is None once that person's key is destroyed. The nonce is drawn by the caller (12 bytes), so that encoding
    what was decoded gives the same bytes. `sealed` keeps the stored bytes of a value that can no longer be opened.
    A plain class, no dataclass and no Struct: those msgspec would write into the ledger as they are, unsealed.
    """

    __slots__ = ("nonce", "purpose", "sealed", "subject", "value")

    def __init__(
        self, subject: UUID, purpose: str, nonce: bytes, value: Mapping[str, str] | None, sealed: bytes = b""
    ) -> None:
        """Hold a value for a purpose (`name`, `contact`)."""
        self.subject: Final = subject
        self.purpose: Final = purpose
        self.nonce: Final = nonce
        self.value: Final = value
        self.sealed: Final = sealed

    def __eq__(self, other: object) -> bool:
        """Tell whether the same is known of the same person."""
        return isinstance(other, Personal) and self._known() == other._known()

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((self.subject, self.purpose, self.nonce))

    def __repr__(self) -> str:
        """Say whose it is, never what it says: a representation ends up in logs."""
        return f"Personal({self.subject}, {self.purpose!r}, {'erased' if self.value is None else '…'})"

    def get(self, name: str, erased: str = "") -> str:
        """Return one field of the value, or `erased`."""
        return erased if self.value is None else self.value.get(name, "")

    def _known(self) -> tuple[object, ...]:
        return self.subject, self.purpose, self.nonce, self.value


class Source(Struct, frozen=True, omit_defaults=True):
    """Where a command came from: the client's address, and the id of the token that it showed."""

    address: str | None = None
    token: str | None = None


class Signature(Struct, frozen=True, kw_only=True):
    """An electronic signature: who, as what name, meaning what, when, under which version of which record.

    `digest` is the hash of the stream's events before this one; `seal` a server key's HMAC over all the rest, so that
    the database alone can not forge one.
    """

    signer: int
    name: Personal
    meaning: str
    at: datetime
    stream: UUID
    version: int
    digest: str
    seal: str = ""


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope that every fact carries. Clients' data never sets it."""

    topic: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    #: Fields that are allotted under the ledger's lock: a counter's name, or a human number's pattern.
    numbered: ClassVar[Mapping[str, str]] = {}

    actor: int | None = None
    source: Source | None = None
    request: str | None = None
    correlation: str | None = None
    causation: str | None = None
    from_state: str | None = None
    to_state: str | None = None
    comment: str | None = None
    reason: str | None = None
    signature: Signature | None = None


class Recorded(Struct, frozen=True):
    """A fact in its place: its position in the ledger, its stream and version, and when it was recorded."""

    position: int
    stream: UUID
    version: int
    at: datetime
    event: Event


class Actor(Struct, frozen=True, kw_only=True):
    """Who does it: a user, or (id None) the system itself."""

    id: int | None
    permissions: frozenset[str] = frozenset()
    department: str = ""
    administrator: bool = False

    def may(self, permission: str) -> bool:
        """Tell whether the permission is held."""
        return self.administrator or permission in self.permissions


class Attempt(Struct, frozen=True, kw_only=True):
    """A command as the rules see it: who, with what words and signature, by which way it came."""

    actor: Actor
    comment: str | None = None
    reason: str | None = None
    signature: Signature | None = None
    source: Source | None = None
    request: str | None = None
    correlation: str | None = None
    causation: str | None = None
    #: Those of the users named in the step's data who are active and may take on what they are named for.
    eligible: frozenset[int] = frozenset()

    def envelope(self) -> dict[str, Any]:
        """Return the envelope's fields that do not depend on the step."""
        return {
            "actor": self.actor.id,
            "comment": self.comment,
            "reason": self.reason,
            "signature": self.signature,
            "source": self.source,
            "request": self.request,
            "correlation": self.correlation,
            "causation": self.causation,
        }


FACTS: dict[str, type[Event]] = {}
_TOPIC = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
E_ = TypeVar("E_", bound=type[Event])


def fact(topic: str, numbered: Mapping[str, str] | None = None) -> Callable[[E_], E_]:
    """Register an event class under its topic, once and for ever.

    Raises ValueError at import where two classes claim one topic, a topic is not of the form `<kind>.<past_tense>`, or
    a field has a name that every fact's class has already.
    """

    def register(cls: E_) -> E_:
        if topic in FACTS or not _TOPIC.fullmatch(topic):
            raise ValueError(f"topic {topic!r} is taken or not of the form kind.fact")
        if taken := {"topic", "kind", "numbered"}.intersection(cls.__struct_fields__):
            raise ValueError(f"{topic}: a field can not be named {', '.join(taken)}")
        cls.topic, cls.kind, cls.numbered = topic, topic.partition(".")[0], dict(numbered or {})
        FACTS[topic] = cls
        return cls

    return register
