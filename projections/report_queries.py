"""The questions of reports. What the figures mean is said in docs/howto/reports.md; each is exact.

"Now" is given by who asks, so that an answer can be had again.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from fractions import Fraction
from itertools import accumulate
from typing import Any, Final, LiteralString, NamedTuple

from msgspec import Struct, field
from psycopg import AsyncConnection, sql

from ledger.queries import queries
from projections import report_life as words
from projections.report_life import NEVER

_SQL = queries("projections", "report")
#: The traits in the order in which the read model strings them together.
_TRAITS: Final = ("status", "grade", "category", "source", "department")
_DAY_SECONDS = 86_400
#: Ages of what is open, in days, from the oldest; the bounds between them come with the question.
AGES: Final = (">90", "61-90", "31-60", "8-30", "0-7")


class Question(Struct, frozen=True, kw_only=True):
    """What is asked of a kind of records: in the periods between these moments, in a department or in all.

    Moments are microseconds since 1970, those between periods going up; `now` is when it is asked.
    """

    kind: str
    bounds: tuple[int, ...]
    now: int
    department: str | None = None

    def values(self) -> dict[str, Any]:
        """Return what the statements take."""
        return {
            "kind": self.kind,
            "bounds": [float(bound) for bound in self.bounds],
            "first": self.bounds[0],
            "end": self.bounds[-1],
            "now": self.now,
            "department": self.department,
        }


class Place(NamedTuple):
    """Where the read model stands: an answer is good while it stands there."""

    position: int
    generation: int


class Closings(Struct, frozen=True):
    """How long those that were closed had taken: how many, their seconds together, and the 90th percentile of those."""

    count: int = 0
    seconds: int = 0
    ninetieth: float | None = None

    @property
    def mean_days(self) -> float | None:
        """The mean, in days to two places; None where nothing was closed."""
        return _rounded(Fraction(self.seconds, self.count * _DAY_SECONDS)) if self.count else None

    @property
    def ninetieth_days(self) -> float | None:
        """The 90th percentile, in days to two places; None where nothing was closed."""
        if self.ninetieth is None:
            return None
        # Between two whole seconds, nine tenths of a way lead to a tenth of a second: so it is exact again.
        return _rounded(Fraction(round(self.ninetieth * 10), 10 * _DAY_SECONDS))


class Figures(Struct, kw_only=True):
    """The figures of a period, or of all of them. by: of what was opened, for each trait how many of which value."""

    counts: Counter[str] = field(default_factory=Counter)
    open_at_end: int = 0
    overdue: int = 0
    by: dict[str, Counter[str]] = field(default_factory=lambda: {trait: Counter() for trait in _TRAITS})
    closings: Closings = Closings()

    @property
    def effectiveness(self) -> float | None:
        """How many of the effectiveness checks found an effect, from 0 to 1, to four places; None where none was."""
        approved, ineffective = self.counts[words.APPROVED], self.counts[words.INEFFECTIVE]
        return _rounded(Fraction(approved, approved + ineffective), 4) if approved + ineffective else None


class Board(Struct, frozen=True, kw_only=True):
    """What is open, and how much of it is overdue or due this week; by stage, department and age."""

    open: int
    overdue: int
    due_this_week: int
    by_stage: Mapping[str, int]
    by_department: Mapping[str, int]
    ages: Mapping[str, int]


@asynccontextmanager
async def one_state(connection: AsyncConnection[Any]) -> AsyncIterator[Place]:
    """Have all that is asked answered of one state of the read model; tell which."""
    async with connection.transaction():
        await connection.execute(_SQL.freeze)
        yield await place(connection)


async def place(connection: AsyncConnection[Any]) -> Place:
    """Return where the read model stands."""
    row = await (await connection.execute(_SQL.standing, prepare=True)).fetchone()
    return Place(*row) if row else Place(0, 0)


async def figures(connection: AsyncConnection[Any], asked: Question) -> tuple[list[Figures], Figures]:
    """Return the figures of each period, and of all of them together."""
    rows, total = [Figures() for _ in asked.bounds[1:]], Figures()
    for period, count, *values in await _all(connection, _SQL.opened, asked):
        trait, value = next((trait, it) for trait, it in zip(_TRAITS, values, strict=True) if it is not None)
        for one in (rows[period - 1], total):
            one.by[trait][value] += count
    await _flow(connection, asked, rows, total)
    for period, *closings in await _all(connection, _SQL.closed, asked):
        (total if period is None else rows[period - 1]).closings = Closings(*closings)
    return rows, total


async def flow(connection: AsyncConnection[Any], asked: Question) -> list[Figures]:
    """Return what came and went in each period, and what was open at its end; nothing of traits and of how long."""
    rows = [Figures() for _ in asked.bounds[1:]]
    await _flow(connection, asked, rows, Figures())
    return rows


async def board(connection: AsyncConnection[Any], asked: Question, ages: Sequence[int], week: tuple[int, int]) -> Board:
    """Return what is open now. ages: the moments between `AGES`, going up; week: when it began, and when it ends."""
    values = {"ages": [float(age) for age in ages], "week": week[0], "week_end": week[1]}
    found: dict[str, Counter[str]] = {what: Counter() for what in ("stage", "department", "age", "late", "week")}
    for what, name, count in await _all(connection, _SQL.open_now, asked, **values):
        found[what][name] += count
    return Board(
        open=found["stage"].total(),
        overdue=found["late"]["overdue"],
        due_this_week=found["week"]["due_this_week"],
        by_stage=found["stage"],
        by_department=found["department"],
        ages={name: found["age"][str(number)] for number, name in enumerate(AGES)},
    )


async def falls_due(connection: AsyncConnection[Any], asked: Question) -> int:
    """Return the moment at which an answer changes though nothing happens: something falls overdue then."""
    ((moment,),) = await _all(connection, _SQL.falls_due, asked)
    return NEVER if moment is None else int(moment)


async def _flow(connection: AsyncConnection[Any], asked: Question, rows: list[Figures], total: Figures) -> None:
    moves = {what: [Counter[str]() for _ in range(len(rows) + 2)] for what in ("began", "ended", "late", "late_ended")}
    for what, period, word, count in await _all(connection, _SQL.moved, asked):
        moves[what][period][word] += count
    open_at = _standing(moves["began"], moves["ended"])
    late_at = _standing(moves["late"], moves["late_ended"])
    for number, row in enumerate(rows, 1):
        row.counts = moves["began"][number] + moves["ended"][number]
        row.open_at_end, row.overdue = open_at[number], late_at[number]
        total.counts += row.counts
    total.open_at_end, total.overdue = rows[-1].open_at_end, rows[-1].overdue


def _standing(come: Sequence[Counter[str]], gone: Sequence[Counter[str]]) -> list[int]:
    """Return how many there are after each period, what was there before the first one counted in."""
    return list(accumulate(here.total() - there.total() for here, there in zip(come, gone, strict=True)))


async def _all(
    connection: AsyncConnection[Any], statement: LiteralString, asked: Question, **more: Any
) -> list[tuple[Any, ...]]:
    narrowed = "true" if asked.department is None else "department = %(department)s"
    composed = sql.SQL(statement).format(narrowed=sql.SQL(narrowed))
    # Planned anew each time: a plan for any values would not know how little of the past is asked for.
    cursor = await connection.execute(composed, {**asked.values(), **more}, prepare=False, binary=True)
    return await cursor.fetchall()


def _rounded(number: Fraction, places: int = 2) -> float:
    return float(round(number, places))
