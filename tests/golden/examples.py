"""An example of every fact with every field given, as the code writes it today."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.events import FACTS, Event, Personal, Signature, Source, stream_id
from tests.golden.store import CODEC

_AT = datetime(2026, 1, 15, 9, 30, 0, 123456, tzinfo=UTC)
_LATER = datetime(2026, 1, 22, 9, 30, tzinfo=UTC)
_PERSON = UUID("6f1c3c5e-8d7c-4f3b-9a54-0c2c0a1e7d11")
_NAME = Personal(_PERSON, "name", b"golden-nonce", {"username": "ana", "first_name": "Ana", "last_name": "Müller"})
_CONTACT = Personal(_PERSON, "contact", b"nonce-golden", {"email": "ana@example.com"})
_DESCRIBED = {
    "title": "Fridge 3 too warm",
    "description": "Line one\nline two, “quoted”, 🌡",
    "category": "EQUIPMENT",
    "classification": "CRITICAL",
    "department": "Quality Control",
    "location": "Lab 3",
    "discovered_date": _AT,
    "related_batch": "B-17",
    "related_product": "Insulin",
    "priority": "HIGH",
    "immediate_actions": "Moved to fridge 4",
    "due_date": _LATER,
}
#: What each fact says beside the envelope.
_OWN: dict[str, dict[str, Any]] = {
    "deviation.created": {"id": 1, "number": "DEV-2026-0001", **_DESCRIBED, "due_days": 3},
    "deviation.updated": {**_DESCRIBED, "discovered_date": None},
    "deviation.investigation_recorded": {
        "investigation_id": 1,
        "root_cause_analysis": "The door",
        "investigation_method": "FIVE_WHYS",
        "findings": "It was open",
    },
    "deviation.investigator_assigned": {"investigator": 7},
    "deviation.investigator_reassigned": {"investigator": 8},
    "deviation.investigation_submitted": {"chain": ("department", "qa", "management")},
    "deviation.information_requested": {"question": "Which door?"},
    "deviation.information_provided": {"answer": "The front one"},
    "user.created": {
        "id": 7,
        "name": _NAME,
        "contact": _CONTACT,
        "department": "Quality Control",
        "roles": ("quality_manager", "qa_specialist"),
    },
    "user.updated": {"name": _NAME, "contact": _CONTACT, "department": "Plant", "roles": ("viewer",)},
    "webhook.created": {
        "id": 3,
        "url": "https://example.com/hook",
        "events": ("deviation.created", "deviation.closed"),
        "active": False,
    },
}


def _signature(kind: str) -> Signature:
    return Signature(
        signer=7,
        name=Personal(_PERSON, "name", b"signed-nonce", {"name": "Ana Müller"}),
        meaning="I reviewed and approve",
        at=_AT,
        stream=stream_id(kind, 1),
        version=2,
        digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )


def example(topic: str) -> Event:
    """The example of a fact, with the whole envelope."""
    cls = FACTS[topic]
    return CODEC.sealed(
        cls(
            actor=7,
            source=Source("192.0.2.7", "tok-1"),
            request="req-1",
            correlation="cor-1",
            causation="cau-1",
            from_state="FROM",
            to_state="TO",
            comment="A comment",
            reason="A reason",
            signature=_signature(cls.kind),
            **_OWN.get(topic, {}),
        )
    )


def wanting(event: Event) -> list[str]:
    """Return the fields of an example that it does not give, and should."""
    return [name for name in event.__struct_fields__ if getattr(event, name) in (None, msgspec.UNSET, "", ())]
