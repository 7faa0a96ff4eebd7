"""People of the tests: one actor for each role, and what they try."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.events import Actor, Attempt, Personal, Signature, stream_id
from domain.platform.roles import ADMINISTRATOR, BUILT_IN
from domain.workflow import Record

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PERSON = UUID("00000000-0000-4000-8000-000000000001")
STREAM = stream_id("deviation", 1)


def granted(roles: Iterable[str]) -> frozenset[str]:
    """What the product's own roles grant."""
    return frozenset().union(*(BUILT_IN.get(role, frozenset()) for role in roles))


def actor(number: int, *roles: str, department: str = "") -> Actor:
    return Actor(
        id=number,
        permissions=granted(roles),
        department=department,
        administrator=ADMINISTRATOR in roles,
    )


def signature(record: Record, signer: int | None) -> Signature:
    """A signature by someone over the record as it is now."""
    return Signature(
        signer=signer or 0,
        name=Personal(PERSON, "name", bytes(12), {"name": "Ana Quality"}),
        meaning="I agree",
        at=NOW,
        stream=record.stream,
        version=record.version + 1,
        digest="d",
    )


def attempt(record: Record, who: Actor, **more: Any) -> Attempt:
    """Somebody tries with everything that may be given beside a step's own fields."""
    given = {"reason": "because", "comment": "so", "signature": signature(record, who.id), "eligible": frozenset({7})}
    return Attempt(actor=who, **(given | more))
