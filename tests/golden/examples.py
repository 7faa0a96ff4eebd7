"""An example of every fact with every field given, as the code writes it today."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.events import FACTS, Event, Personal, Signature, Source, stream_id
from domain.platform.settings import SystemSettings
from domain.quality.deviation_facts import WantedCapa
from tests.golden.store import CODEC

_AT = datetime(2026, 1, 15, 9, 30, 0, 123456, tzinfo=UTC)
_LATER = datetime(2026, 1, 22, 9, 30, tzinfo=UTC)
_PERSON = UUID("6f1c3c5e-8d7c-4f3b-9a54-0c2c0a1e7d11")
_NAME = Personal(_PERSON, "name", b"golden-nonce", {"username": "ana", "first_name": "Ana", "last_name": "Müller"})
_CONTACT = Personal(_PERSON, "contact", b"nonce-golden", {"email": "ana@example.com"})
_PROFILE = Personal(
    _PERSON,
    "profile",
    b"golden-again",
    {"job_title": "Head of Quality", "phone": "+256 760 000 000", "skills": "GMP audits\nRoot cause analysis"},
)
_SESSION = UUID("3c8f0a52-94c0-4d4e-8b8e-5a1d5c9e2f10")
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
_ATTACHED = {
    "attachment_id": 4,
    "key": "0f3c9a7b5d1e4c2f8a6b0d9e7c5f3a1b",
    "name": "Übersicht “Kühlung”.pdf",
    "media_type": "application/pdf",
    "size": 48_213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "description": "What the fridge logged",
}
_TO_PREVENT = {
    "title": "Doors that close by themselves",
    "description": "Every fridge gets one.",
    "category": "EQUIPMENT",
    "priority": "URGENT",
    "department": "Plant",
    "target_completion_date": _LATER,
    "source_type": "DEVIATION",
    "source_id": 1,
    "root_cause_analysis": "The door",
    "impact_assessment": "One batch",
    "effectiveness_criteria": "No alarm for a month",
}
_ACTION = {
    "action_id": 5,
    "action_kind": "PREVENTIVE",
    "description": "Fit springs to the doors",
    "owner": 8,
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
    "deviation.closed": {
        "open_capa": WantedCapa(
            title="Doors that close by themselves",
            description="Every fridge gets one.",
            category="EQUIPMENT",
            priority="HIGH",
            department="Plant",
            target_completion_date=_LATER,
            root_cause_analysis="The door",
            impact_assessment="One batch",
            effectiveness_criteria="No alarm for a month",
        )
    },
    "deviation.information_requested": {"question": "Which door?"},
    "deviation.information_provided": {"answer": "The front one"},
    "deviation.attachment_added": _ATTACHED,
    "deviation.attachment_removed": {"attachment_id": 4},
    "capa.created": {"id": 2, "number": "CAPA-2026-0002", **_TO_PREVENT},
    "capa.updated": {**_TO_PREVENT, "verification_result": "No alarm since"},
    "capa.owner_assigned": {"owner": 8},
    "capa.action_added": {**_ACTION, "done": True},
    "capa.action_changed": {**_ACTION, "done": True},
    "capa.action_removed": {"action_id": 5},
    "capa.attachment_added": _ATTACHED,
    "capa.attachment_removed": {"attachment_id": 4},
    "ledger.fork_acknowledged": {
        "id": 1,
        "kept_size": 20,
        "kept_root": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "covered": 12,
        "abandoned": 2,
        "first_abandoned": 24,
        "last_abandoned": 40,
        "digest": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    },
    "role.created": {"id": 101, "name": "Cold chain", "permissions": ("deviation.read", "deviation.create")},
    "role.updated": {"permissions": ("deviation.read",)},
    "settings.changed": {
        **{name: value or True for name, value in msgspec.to_builtins(SystemSettings()).items()},
        "approval_chain_minor": ("department", "qa"),
        "password_max_age_days": 90,
        "rate_limit_roles": {"management": 5000},
        "rate_limit_users": {"7": 20_000},
        "time_zone": "Africa/Kampala",
    },
    "user.created": {
        "id": 7,
        "name": _NAME,
        "contact": _CONTACT,
        "department": "Quality Control",
        "roles": ("quality_manager", "qa_specialist"),
    },
    "user.updated": {
        "name": _NAME,
        "contact": _CONTACT,
        "department": "Plant",
        "roles": ("viewer",),
        "profile": _PROFILE,
    },
    "user.locked": {"until": _LATER, "failures": 5},
    "user.session_ended": {"session": _SESSION},
    "user.sessions_ended": {"kept": _SESSION},
    "access.sign_in_failed": {"id": 9, "user": 7, "name": "5d1f0c2a9b7e4d3c8f6a1e0b2c4d6f80", "why": "wrong_password"},
    "access.signature_refused": {"id": 10, "why": "second_factor"},
    "access.denied": {
        "id": 11,
        "permission": "deviation.read",
        "says": "This needs the permission deviation.read.",
        "method": "GET",
        "path": "/api/deviations/{id}",
        "record": "deviation/1",
        "hidden": True,
    },
    "access.exported": {"id": 12, "what": "copy", "form": "html", "record": "deviation/1"},
    "review.accepted": {"id": 4711, "event": "deviation.reopened"},
    "review.questioned": {"id": 4711, "event": "deviation.reopened"},
    "review.resolved": {"id": 4711, "event": "deviation.reopened"},
    "webhook.created": {
        "id": 3,
        "url": "https://example.com/hook",
        "events": ("deviation.created", "deviation.closed"),
        "active": False,
    },
    "webhook.updated": {"url": "https://example.com/other", "events": ("capa.closed",), "active": True},
    "webhook.secret_rotated": {"overlap_seconds": 86_400},
    "webhook.redelivery_requested": {
        "delivery": "msg_5f3c1a7e9b2d4c6f8a0e1d3b5c7f9a2e",
        "since": _AT,
        "until": _LATER,
        "state": "failed",
        "count": 120_000,
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
