"""How long the printed name of somebody who signed, acted on, or is named in a record is kept.

A record keeps it while it is open, and for so many years, a setting, after it was closed or cancelled.
"""

from collections.abc import Iterable, Mapping
from datetime import MAXYEAR, datetime
from typing import Any, NamedTuple

from domain.events import Event
from domain.quality import capa_facts, deviation_facts
from domain.quality.capa import CAPAS
from domain.quality.deviation import DEVIATIONS
from domain.workflow import Workflow

#: The kinds of records that keep names, and the states in which one of them has ended.
RETAINED: Mapping[str, tuple[Workflow[Any], frozenset[str]]] = {
    DEVIATIONS.kind: (DEVIATIONS, frozenset({deviation_facts.CLOSED, deviation_facts.CANCELLED})),
    CAPAS.kind: (CAPAS, frozenset({capa_facts.CLOSED, capa_facts.CANCELLED})),
}
#: Fields of facts that name a user, beside who acted; who signed is who acted.
NAMING = ("investigator", "owner")


class Retention(NamedTuple):
    """Of some records: how many go on, and until when the last of those that have ended is kept, if any has."""

    unended: int
    until: datetime | None

    def keeps(self, at: datetime) -> bool:
        """Tell whether one of them is kept still at a time."""
        return self.unended > 0 or (self.until is not None and at < self.until)


def retained_until(ended: datetime, years: int) -> datetime:
    """Return when the retention of a record ends: whole years after its end; a 29th of February ends on 1 March."""
    year = min(ended.year + years, MAXYEAR)
    try:
        return ended.replace(year=year)
    except ValueError:
        return ended.replace(year=year, month=3, day=1)


def retention(ends: Iterable[datetime | None], years: int) -> Retention:
    """Return until when records are kept; one that goes on has no end yet: None."""
    known = list(ends)
    ended = [end for end in known if end is not None]
    return Retention(len(known) - len(ended), retained_until(max(ended), years) if ended else None)


def naming_topics() -> list[str]:
    """Return the topics of the facts that name a user beside who acted."""
    return sorted(event.topic for event in _events() if set(NAMING) & set(event.__struct_fields__))


def ending_topics() -> list[str]:
    """Return the topics of the facts with which a record ends."""
    return sorted(
        step.event.topic
        for flow, ends in RETAINED.values()
        for step in flow.steps
        if step.destination is not None and ends.issuperset(step.destinations)
    )


def reopening_topics() -> list[str]:
    """Return the topics of the facts with which an ended record goes on."""
    return sorted(
        step.event.topic
        for flow, ends in RETAINED.values()
        for step in flow.steps
        if ends.issuperset(step.sources) and not ends.issuperset(step.destinations)
    )


def _events() -> set[type[Event]]:
    return {step.event for flow, _ in RETAINED.values() for step in flow.all_steps}
