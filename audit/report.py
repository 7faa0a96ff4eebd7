"""What verifying the ledger found."""

from msgspec import Struct

#: More than anyone reads: a ledger with every row altered must still give a report.
MOST = 100


class Problem(Struct, frozen=True):
    """One thing that is not as it was recorded: the first position that it concerns, if any, and a sentence."""

    position: int | None
    why: str


class Report(Struct, frozen=True, kw_only=True):
    """The answer of `verify`.

    position, why: the first position that differs, or can differ, and what is wrong with it; None and "" when all is
    well, and None where what is wrong concerns no event.
    problems: what was found, by position, a hundred of a kind at most; `found` says how many there were.
    covered, uncovered: how many events the newest good checkpoint covers, and how many newer ones none does yet.
    forks: how many events record a fork, each the acknowledgement of a backup that was restored.
    checkpoints: how many were checked; root: that of the events as they are, in hex; bytes: of topics and states.
    """

    ok: bool
    position: int | None
    why: str
    problems: tuple[Problem, ...]
    found: int
    events: int
    bytes: int
    root: str
    checkpoints: int
    covered: int
    uncovered: int
    forks: int
    seconds: float

    @property
    def events_per_second(self) -> float:
        """Return how fast it went."""
        return self.events / self.seconds if self.seconds else 0.0


class Findings:
    """Collects problems while the ledger is read; so many are kept of those with a position, and of those without."""

    def __init__(self) -> None:
        """Begin with none."""
        self._placed: list[Problem] = []
        self._other: list[Problem] = []
        self.count = 0

    def add(self, position: int | None, why: str) -> None:
        """Add a problem."""
        self.count += 1
        kept = self._other if position is None else self._placed
        if len(kept) < MOST:
            kept.append(Problem(position, why))

    def any_in(self, first: int, last: int) -> bool:
        """Tell whether a problem was found at a position of this range."""
        return any(problem.position and first <= problem.position <= last for problem in self._placed)

    def by_position(self) -> tuple[Problem, ...]:
        """Return what was kept, by position; what concerns no event comes last."""
        return (*sorted(self._placed, key=lambda problem: problem.position or 0), *self._other)
