"""The figures of reports counted again, slowly, in plain Python: day by day and event by event.

It shares nothing with what it checks but the events: no stretches, no moments between periods, no SQL. A moment belongs
to the day that a clock in the zone shows; what a record was at the end of a day is what its events up to then say.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import UNSET

from domain.events import Recorded

OVER = ("CLOSED", "CANCELLED")
TRAITS = {
    "deviation": {"grade": "classification", "category": "category", "department": "department"},
    "capa": {"grade": "priority", "category": "category", "source": "source_type", "department": "department"},
}
DUE = {"deviation": "due_date", "capa": "target_completion_date"}


class Moment(NamedTuple):
    """A record after one of its events."""

    at: datetime
    topic: str
    status: str
    due: datetime | None
    traits: dict[str, str]


class History:
    """A record's events, told again as what it was after each."""

    def __init__(self, events: Sequence[Recorded]) -> None:
        self.kind = events[0].event.kind
        self.moments: list[Moment] = []
        state: dict[str, Any] = {}
        for it in events:
            event: Any = it.event
            if event.topic.endswith((".created", ".updated")):
                given = {name: getattr(event, name, UNSET) for name in (*TRAITS[self.kind].values(), DUE[self.kind])}
                state |= {name: value for name, value in given.items() if value is not UNSET}
            if event.topic == "deviation.created" and event.due_date is None:
                state[DUE[self.kind]] = it.at + timedelta(days=event.due_days)
            state["status"] = event.to_state or state["status"]
            traits = {trait: state[name] for trait, name in TRAITS[self.kind].items()}
            self.moments.append(Moment(it.at, event.topic, state["status"], state[DUE[self.kind]], traits))

    @property
    def begun(self) -> datetime:
        return self.moments[0].at

    @property
    def now(self) -> Moment:
        return self.moments[-1]

    def when(self, until: Callable[[datetime], bool]) -> Moment | None:
        """What it was when all that is `until` had happened."""
        return next((it for it in reversed(self.moments) if until(it.at)), None)

    def turned(self, status: str) -> list[datetime]:
        """When it came into a state."""
        pairs = zip(self.moments, self.moments[1:], strict=False)
        return [after.at for before, after in pairs if after.status == status != before.status]

    def reopened(self) -> list[datetime]:
        pairs = zip(self.moments, self.moments[1:], strict=False)
        return [after.at for before, after in pairs if before.status in OVER and after.status not in OVER]

    def told(self, topic: str) -> list[datetime]:
        return [it.at for it in self.moments if it.topic == topic]


class Recount:
    """All records of a kind, and the clock that they are counted by."""

    def __init__(
        self, kind: str, histories: Sequence[History], zone: ZoneInfo, now: datetime, department: str | None
    ) -> None:
        self.kind = kind
        self.histories = [it for it in histories if department in (None, it.now.traits["department"])]
        self.zone = zone
        self.now = now

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def period(self, first: date, last: date) -> dict[str, Any]:
        """The figures of a run of days, both ends in."""

        def inside(moments: Sequence[datetime]) -> int:
            return sum(first <= self.day(at) <= last for at in moments)

        opened = [it for it in self.histories if first <= self.day(it.begun) <= last]
        then = [moment for it in self.histories if (moment := it.when(lambda at: self.day(at) <= last)) is not None]
        open_then = [it for it in then if it.status not in OVER]
        spent = sorted(
            (at - it.begun) // timedelta(seconds=1)
            for it in self.histories
            for at in it.turned("CLOSED")
            if first <= self.day(at) <= last
        )
        approved = sum(inside(it.told("capa.approved")) for it in self.histories)
        ineffective = sum(inside(it.told("capa.marked_ineffective")) for it in self.histories)
        return {
            "opened": len(opened),
            "reopened": sum(inside(it.reopened()) for it in self.histories),
            "closed": len(spent),
            "cancelled": sum(inside(it.turned("CANCELLED")) for it in self.histories),
            "open_at_end": len(open_then),
            "overdue": sum(self._overdue(it.due, last) for it in open_then),
            "by_status": Counter(it.now.status for it in opened),
            **{f"by_{trait}": Counter(it.now.traits[trait] for it in opened) for trait in TRAITS[self.kind]},
            "mean": _days(Fraction(sum(spent), len(spent))) if spent else None,
            "p90": _days(_linear(spent, Fraction(9, 10))) if spent else None,
            "effectiveness": _rate(approved, approved + ineffective),
        }

    def board(self) -> dict[str, Any]:
        """What is open now."""
        live = [it for it in self.histories if it.now.status not in OVER]
        today = self.day(self.now)
        monday = today - timedelta(days=today.weekday())
        ages = Counter(_age((today - self.day(it.begun)).days) for it in live)
        return {
            "open": len(live),
            "overdue": sum(it.now.due is not None and it.now.due < self.now for it in live),
            "due_this_week": sum(
                it.now.due is not None and monday <= self.day(it.now.due) <= monday + timedelta(days=6) for it in live
            ),
            "by_stage": Counter(it.now.status for it in live),
            "by_department": Counter(it.now.traits["department"] for it in live),
            "ages": ages,
        }

    def falls_due(self) -> datetime | None:
        """When something that is open is due next."""
        live = [it.now for it in self.histories if it.now.status not in OVER]
        return min((it.due for it in live if it.due is not None and it.due >= self.now), default=None)

    def _overdue(self, due: datetime | None, last: date) -> bool:
        """Whether a due date was past at the end of a day, or is now where that has not come."""
        return due is not None and self.day(due) <= last and due < self.now


def _age(days: int) -> str:
    return next(
        name for most, name in ((7, "0-7"), (30, "8-30"), (60, "31-60"), (90, "61-90"), (10**6, ">90")) if days <= most
    )


def _linear(ordered: Sequence[int], share: Fraction) -> Fraction:
    """The value below which a share lies, on the line between two neighbours: Excel's PERCENTILE.INC."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _days(seconds: Fraction) -> float:
    return float(round(seconds / 86_400, 2))


def _rate(part: int, whole: int) -> float | None:
    return float(round(Fraction(part, whole), 4)) if whole else None
