"""Lives of deviations and CAPAs drawn by lot, near the days on which clocks are changed and periods end."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from domain.events import Event, Recorded, stream_id
from domain.quality import capa_facts as capa
from domain.quality import deviation_facts as deviation

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Nuuk", "Asia/Kathmandu", "Africa/Cairo", "Pacific/Apia")
DEPARTMENTS = ("Lab", "Plant", "Éva's | büro")
#: Some days before the changes of clocks in spring and autumn, and before the end of a year.
_SCENES = (datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC), datetime(2025, 12, 20, tzinfo=UTC))
_MOST_RECORDS = 12

#: From each state: facts that lead on, and where to. Some ways are short: whatever was recorded is counted.
_DEVIATION: dict[str, list[tuple[Callable[..., Event], str]]] = {
    "OPEN": [
        (lambda **m: deviation.InvestigatorAssigned(investigator=1, **m), "UNDER_INVESTIGATION"),
        (deviation.Closed, "CLOSED"),
    ],
    "UNDER_INVESTIGATION": [(deviation.DepartmentApproved, "APPROVED"), (deviation.Rejected, "OPEN")],
    "APPROVED": [(deviation.Closed, "CLOSED")],
    "CLOSED": [(deviation.Reopened, "UNDER_INVESTIGATION")],
}
_CAPA: dict[str, list[tuple[Callable[..., Event], str]]] = {
    "INITIATED": [(capa.EffectivenessCheckStarted, "EFFECTIVENESS_CHECK"), (capa.Closed, "CLOSED")],
    "INVESTIGATION": [(capa.EffectivenessCheckStarted, "EFFECTIVENESS_CHECK")],
    "ACTION_PLANNING": [(capa.EffectivenessCheckStarted, "EFFECTIVENESS_CHECK")],
    "EFFECTIVENESS_CHECK": [(capa.MarkedIneffective, "ACTION_PLANNING"), (capa.Approved, "APPROVED")],
    "APPROVED": [(capa.Closed, "CLOSED")],
    "CLOSED": [(capa.Reopened, "INVESTIGATION")],
}
_ONWARD = {"deviation": _DEVIATION, "capa": _CAPA}
_CANCELLED: dict[str, Callable[..., Event]] = {"deviation": deviation.Cancelled, "capa": capa.Cancelled}
_UPDATED: dict[str, Callable[..., Event]] = {"deviation": deviation.DeviationUpdated, "capa": capa.CapaUpdated}


def ledger(chance: Random, kind: str) -> list[Recorded]:
    """Return the events of some records of a kind, in the order in which they were recorded; times never go back."""
    at = chance.choice(_SCENES)
    events: list[Recorded] = []
    records: list[tuple[str, int]] = []  # status and version
    for _ in range(chance.choice((0, 1, 20, 60, 90))):
        at = later(chance, at)
        number = chance.randrange(min(len(records) + 1, _MOST_RECORDS))
        if number == len(records):
            records.append(("", 0))
        status, version = records[number]
        event = _next(chance, kind, number + 1, status, at)
        records[number] = (event.to_state or status, version + 1)
        events.append(Recorded(len(events) + 1, stream_id(kind, number + 1), version + 1, at, event))
    return events


def later(chance: Random, at: datetime) -> datetime:
    """Return a moment after another, or the same: often the beginning of a day, so that moments meet."""
    found = at + chance.choice(
        (
            timedelta(days=chance.randrange(4)),
            timedelta(minutes=15 * chance.randrange(100)),
            timedelta(microseconds=chance.randrange(10**11)),
            timedelta(days=chance.choice((0, 0, 0, 40))),
        )
    )
    if chance.random() < 0.7:
        return found
    return datetime(found.year, found.month, found.day, tzinfo=UTC) + timedelta(days=1)


def _next(chance: Random, kind: str, number: int, status: str, at: datetime) -> Event:
    if not status:
        return _created(chance, kind, number, at)
    onward = _ONWARD[kind].get(status)
    if onward is None or chance.random() < 0.3:
        return _UPDATED[kind](**_changes(chance, kind, at), from_state=status, to_state=status)
    if status not in ("CLOSED", "APPROVED") and chance.random() < 0.1:
        return _CANCELLED[kind](from_state=status, to_state="CANCELLED")
    make, to = chance.choice(onward)
    return make(from_state=status, to_state=to)


def _created(chance: Random, kind: str, number: int, at: datetime) -> Event:
    given = {"title": "T", "description": "D", "department": "Lab", **_given(chance, kind, at)}
    if kind == "capa":
        return capa.CapaCreated(id=number, number=f"CAPA-2026-{number:04d}", to_state="INITIATED", **given)
    classified = {"category": "OTHER", "classification": "MINOR", "due_days": chance.choice((0, 3, 30)), **given}
    return deviation.DeviationCreated(id=number, number=f"DEV-2026-{number:04d}", to_state="OPEN", **classified)


def _changes(chance: Random, kind: str, at: datetime) -> dict[str, Any]:
    """Return some of what is counted by, and perhaps when it is due."""
    given = _given(chance, kind, at)
    if kind == "capa" and chance.random() < 0.2:
        given["target_completion_date"] = None
    return given


def _given(chance: Random, kind: str, at: datetime) -> dict[str, Any]:
    fields: dict[str, Sequence[Any]] = {
        "deviation": {"classification": ("CRITICAL", "MINOR"), "category": ("OTHER", "MATERIAL")},
        "capa": {"priority": ("LOW", "HIGH"), "source_type": ("AUDIT", "MANUAL"), "category": ("", "MATERIAL")},
    }[kind] | {"department": DEPARTMENTS}
    due = {"deviation": "due_date", "capa": "target_completion_date"}[kind]
    fields |= {due: (later(chance, at), later(chance, at - timedelta(days=9)), later(chance, at + timedelta(days=9)))}
    return {name: chance.choice(values) for name, values in fields.items() if chance.random() < 0.5}
