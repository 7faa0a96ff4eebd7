"""Downloads that were recorded lately: the parts of a file that follow belong to the one that is known already."""

from collections.abc import Callable, Hashable
from time import monotonic
from typing import Final, NamedTuple

from api.ranges import Span

#: So many downloads are remembered in a process, each so long; what was forgotten is recorded once more.
_MOST: Final = 1_000
_SECONDS: Final = 3_600.0


class _Begun(NamedTuple):
    """A recorded download: until where the file was given, and when it began."""

    stop: int
    at: float


class Begun:
    """The downloads of a process, by who downloads which file."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Begin knowing none. `clock` tells seconds."""
        self._clock = clock
        self._known: dict[Hashable, _Begun] = {}

    def goes_on(self, name: Hashable, span: Span) -> bool:
        """Tell whether a part continues what was begun: it starts within what was given, or right behind it."""
        known = self._known.get(name)
        if known is None or not 0 < span.start <= known.stop or self._clock() - known.at > _SECONDS:
            return False
        self._known[name] = known._replace(stop=max(known.stop, span.stop))
        return True

    def note(self, name: Hashable, span: Span) -> None:
        """Remember a download that was recorded; the one that began first is forgotten for it."""
        self._known.pop(name, None)
        self._known[name] = _Begun(span.stop, self._clock())
        if len(self._known) > _MOST:
            del self._known[next(iter(self._known))]
