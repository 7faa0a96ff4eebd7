"""Answers of reports that are kept while they hold: as long as the read model stands, and nothing falls overdue."""

from asyncio import Semaphore
from collections.abc import Hashable
from typing import NamedTuple

from projections.report_queries import Place

_MOST_ANSWERS = 32
_LONGEST = 256 * 1024
#: Reports that a process makes at once: they take a while, and others need the database and the processor too.
_AT_ONCE = 2


class _Answer(NamedTuple):
    """An answer, where the read model stood for it, and the moments from and until which it holds there."""

    place: Place
    since: int
    until: int
    body: bytes


class KeptReports:
    """The latest answers of a process. `making`: held while a report is made."""

    def __init__(self) -> None:
        """Begin with none."""
        self.making = Semaphore(_AT_ONCE)
        self._kept: dict[Hashable, _Answer] = {}

    def get(self, asked: Hashable, place: Place, now: int) -> bytes | None:
        """Return the answer that still holds, None where there is none."""
        found = self._kept.get(asked)
        if found is None or found.place != place or not found.since <= now <= found.until:
            return None
        return found.body

    def keep(self, asked: Hashable, place: Place, since: int, until: int, body: bytes) -> None:
        """Keep an answer in the place of the oldest; one that is long is made anew each time."""
        self._kept.pop(asked, None)
        if len(body) > _LONGEST:
            return
        if len(self._kept) >= _MOST_ANSWERS:
            del self._kept[next(iter(self._kept))]
        self._kept[asked] = _Answer(place, since, until, body)
