"""Tampering with all rights that the database's owner has: each change is found, and located.

A ledger of 40 events with checkpoints over 12 and 24, the file of which the owner can not write. A change is drawn at
random, and what the report must name is told by the rows before and after it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.report import Report
from flowledger.cli.report import verify_text
from ledger.checkpoint import make_checkpoint
from ledger.keys import Keys
from ledger.note import origin_of, sign
from ledger.rows import Row
from tests.audit.stage import Stage, words
from tests.support.database import Server

_EVENTS, _SIGNED = 40, (12, 24)
_COVERED = _SIGNED[-1]

Rows = list[Row]
Backup = dict[str, list[bytes]]


class Owner(Stage):
    """The owner at work: `before` is what was recorded; every change begins with that."""

    def __init__(self, database: Any, folder: Path) -> None:
        super().__init__(database, folder)
        self.untouched = self.backup()
        self.before = self.rows()

    def rows(self) -> Rows:
        with psycopg.connect(self.database.owner_dsn) as connection:
            found = connection.execute("SELECT * FROM ledger.events ORDER BY position").fetchall()
        return [Row(*row) for row in found]

    def again(self) -> None:
        self.restore(self.untouched)

    def put(self, rows: Rows) -> None:
        """Have these rows, and nothing else changed."""
        with psycopg.connect(self.database.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute("TRUNCATE ledger.events")
            with cursor.copy("COPY ledger.events FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)


@pytest.fixture(scope="module")
def owner(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    with server.database() as database:
        yield Owner(database, tmp_path_factory.mktemp("tamper"))


def first_difference(before: Rows, after: Rows) -> int | None:
    """Return the first position at which two ledgers do not have the same row."""
    had, has = ({row.position: row for row in rows} for rows in (before, after))
    return min((at for at in had.keys() | has.keys() if had.get(at) != has.get(at)), default=None)


_POSITIONS = st.integers(1, _EVENTS)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "position": st.integers(1, 10**15),
    "originator_id": st.uuids(),
    "originator_version": st.integers(0, 2**63 - 1),
    "topic": _TEXTS,
    "state": st.binary(max_size=20),
    "recorded_at": st.timedeltas(timedelta(days=-9), timedelta(days=9)),
}
#: What can be forged with care: the position is given anew.
_FORGED = sorted(_VALUES.keys() - {"position", "recorded_at"})


@st.composite
def edited(draw: st.DrawFn, columns: Sequence[str] = tuple(_VALUES)) -> Callable[[Rows], Rows]:
    """Another value in any column of any row."""
    at, column = draw(_POSITIONS), draw(st.sampled_from(columns))
    value = draw(_VALUES[column])

    def edit(rows: Rows) -> Rows:
        row = rows[at - 1]
        new = row.recorded_at + value if column == "recorded_at" else value
        taken = column == "position" and new in {other.position for other in rows}
        return rows if taken else [*rows[: at - 1], row._replace(**{column: new}), *rows[at:]]

    return edit


@st.composite
def deleted(draw: st.DrawFn, most: int = _EVENTS) -> Callable[[Rows], Rows]:
    """Some rows gone."""
    gone = draw(st.sets(_POSITIONS, min_size=1, max_size=most))
    return lambda rows: [row for row in rows if row.position not in gone]


@st.composite
def inserted(draw: st.DrawFn) -> Callable[[Rows], Rows]:
    """A row that nobody recorded, at a place of its own among the others, or behind them."""
    at = draw(st.integers(1, _EVENTS + 1))
    stream, topic, state = draw(st.uuids()), draw(_TEXTS), draw(st.binary(max_size=20))

    def insert(rows: Rows) -> Rows:
        new = rows[min(at, _EVENTS) - 1]._replace(position=at, originator_id=stream, topic=topic, state=state)
        behind = [row._replace(position=row.position + 1) for row in rows[at - 1 :]]
        return [*rows[: at - 1], new, *behind]

    return insert


@st.composite
def reordered(draw: st.DrawFn) -> Callable[[Rows], Rows]:
    """Two rows in each other's place, whole or with their own times, or with each other's contents."""
    one, other = draw(st.lists(_POSITIONS, min_size=2, max_size=2, unique=True))
    columns = draw(
        st.sampled_from([("position",), ("state",), ("originator_id", "state"), ("position", "recorded_at")])
    )

    def swap(rows: Rows) -> Rows:
        a, b = rows[one - 1], rows[other - 1]
        swapped = {
            a.position: a._replace(**{column: getattr(b, column) for column in columns}),
            b.position: b._replace(**{column: getattr(a, column) for column in columns}),
        }
        return sorted(swapped.get(row.position, row) for row in rows)

    return swap


def renumbered(rows: Rows) -> Rows:
    return [row._replace(position=place) for place, row in enumerate(rows, 1)]


_CHANGES = st.one_of(edited(), deleted(), inserted(), reordered())


@settings(max_examples=60, deadline=None)
@given(change=_CHANGES)
@pytest.mark.clause("11.10(a)", negative=True)
@pytest.mark.clause("11.10(e)", negative=True)
def test_whatever_is_done_to_the_rows_is_found_at_the_first_that_differs(
    owner: Owner, change: Callable[[Rows], Rows]
) -> None:
    """Every column, any row, any order: covered by a checkpoint or not."""
    owner.again()
    after = change(owner.before)
    owner.put(after)
    report = owner.verify()
    assert report.position == first_difference(owner.before, after), words(report)
    assert report.ok is (report.position is None)


def _located(report: Report, first: int, left: int) -> None:
    """Assert that what was forged, first at a position and with so many events left, is named as it can be."""
    if first > _COVERED:
        assert report.ok, "what no checkpoint covers yet rests on the database alone"
        assert (report.covered, report.uncovered) == (_COVERED, left - _COVERED), "and is said to"
        return
    good = max([size for size in _SIGNED if size < first], default=0)
    bad = min(size for size in _SIGNED if size >= first)
    assert not report.ok
    assert report.covered == good
    if left < bad:
        assert (report.position, f"only {left} are there" in report.why) == (left + 1, True)
    else:
        assert (report.position, f"Events {good + 1} to {bad} are not those" in report.why) == (good + 1, True)


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(
    change=st.one_of(edited(_FORGED), deleted(), inserted(), reordered()),
    checkpoints=st.sampled_from(["left", "deleted", "forged"]),
)
@pytest.mark.clause("11.10(a)", negative=True)
def test_a_rewrite_that_is_right_in_itself_is_found_by_the_file_outside(
    owner: Owner, change: Callable[[Rows], Rows], checkpoints: str
) -> None:
    """Rows, leaf hashes, head and tree agree; the key is what the forger has not. The range since the last checkpoint
    that fits is named; what is newer than the last one is counted as not covered yet."""
    owner.again()
    times = [row.recorded_at for row in owner.before]
    after = renumbered(change(owner.before))
    after = [row._replace(recorded_at=times[min(place, _EVENTS - 1)]) for place, row in enumerate(after)]
    first = first_difference(owner.before, after)
    if first is None or not after:
        return
    owner.put(after)
    owner.rewrite()
    _forge_checkpoints(owner, checkpoints, len(after))
    report = owner.verify()
    if checkpoints == "left":
        _located(report, first, len(after))
    else:
        assert not report.ok
        assert "not in the database" in words(report) or "another one in the file" in words(report)
        if first <= _COVERED:
            good = max([size for size in _SIGNED if size < first], default=0)
            assert report.position == min(good, len(after)) + 1 or report.position == len(after) + 1


def _forge_checkpoints(owner: Owner, how: str, size: int) -> None:
    """Take the checkpoints out of the database, or put others there, signed with a key of one's own."""
    if how == "left":
        return
    owner.alter("TRUNCATE ledger.checkpoints")
    if how == "forged":
        forger = Keys(owner.file.parent / "forger").signer()
        origin = origin_of(owner.one("SELECT identity FROM ledger.head"))
        for covered in (12, 24):
            root = owner.by_hand(min(covered, size)).root
            note = sign(origin, covered, root, forger).note
            owner.alter("INSERT INTO ledger.checkpoints VALUES (%s, %s)", values=(covered, note))


@settings(max_examples=12, deadline=None)
@given(kept=st.integers(1, _EVENTS - 1))
def test_an_older_copy_is_found_behind_its_last_event(owner: Owner, kept: int) -> None:
    """As it was when it had so many events, head, tree, checkpoints and all: newer than the last checkpoint it is whole
    as far as anybody can know."""
    owner.again()
    owner.put(owner.before[:kept])
    owner.rewrite()
    owner.alter("DELETE FROM ledger.checkpoints WHERE size > %s", values=(kept,))
    report = owner.verify()
    if kept >= _COVERED:
        assert (report.ok, report.uncovered) == (True, kept - _COVERED)
    else:
        assert (report.ok, report.position) == (False, kept + 1)
        assert f"signed over 24 events; only {kept} are there" in words(report)


@settings(max_examples=20, deadline=None)
@given(batch=st.integers(0, 9), place=st.integers(0, 127), bit=st.integers(0, 7))
def test_any_bit_of_the_leaf_hashes_is_located(owner: Owner, batch: int, place: int, bit: int) -> None:
    """The event whose hash it is, is named; and that the event itself is what was recorded."""
    owner.again()
    first = batch * 4 + 1
    owner.alter(
        "UPDATE ledger.leaves SET hashes = set_byte(hashes, %s, get_byte(hashes, %s) # %s) WHERE first = %s",
        values=(place, place, 1 << bit, first),
    )
    report = owner.verify()
    position = first + place // 32
    assert (report.position, report.why) == (
        position,
        f"The leaf hash stored for event {position} is not the event's, which fits the root.",
    )


_HEADS = {
    "size": ("size = size + 1", 41, "the head counts 41"),
    "edge": ("edge = ARRAY[edge[1], set_byte(edge[2], 7, 255 - get_byte(edge[2], 7))]", 25, "Events 25 to 40"),
    "recorded_at": ("recorded_at = recorded_at + interval '1 hour'", None, "The head's time"),
    "numbers": ('numbers = \'{"deviation": 3, "DEV-2026-": 3}\'', None, "counts 3 of 'DEV-2026-'"),
    "identity": ("identity = gen_random_uuid()", 1, "is of another ledger"),
}


@pytest.mark.parametrize("column", _HEADS)
def test_any_column_of_the_head_is_found(owner: Owner, column: str) -> None:
    """Its size, its edge, its time, and whose it is."""
    owner.again()
    change, position, says = _HEADS[column]
    owner.alter(f"UPDATE ledger.head SET {change}")
    report = owner.verify()
    assert not report.ok
    assert says in words(report)
    if column != "identity":
        assert report.position == position


@settings(max_examples=20, deadline=None)
@given(size=st.sampled_from(_SIGNED), place=st.integers(0, 10**6), bit=st.integers(0, 6))
def test_any_bit_of_a_checkpoint_in_the_database_is_found(owner: Owner, size: int, place: int, bit: int) -> None:
    """It is named by its size, and the one in the file holds."""
    owner.again()
    note = owner.by_hand(size).note
    place %= len(note.encode())
    changed = bytearray(note.encode())
    changed[place] ^= 1 << bit
    text = changed.decode(errors="replace").replace("\x00", "x")
    owner.alter("UPDATE ledger.checkpoints SET note = %s WHERE size = %s", values=(text, size))
    report = owner.verify()
    assert not report.ok
    assert str(size) in words(report)
    assert report.covered == _COVERED


def test_a_row_of_checkpoints_moved_or_given_another_edge_is_found(owner: Owner) -> None:
    """Its size and its edge are those of its note."""
    owner.again()
    owner.alter("UPDATE ledger.checkpoints SET size = 13 WHERE size = 12")
    assert "The database's checkpoint over 13 events says 12 instead." in words(owner.verify())
    owner.again()
    owner.alter("UPDATE ledger.checkpoints SET edge = ARRAY[edge[2], edge[1]] WHERE size = 12")
    assert "The edge stored with the checkpoint over 12 events is not that of its tree." in words(owner.verify())


@pytest.mark.parametrize("size", [12, 24, 25, 40, 41, 1 << 62])
@pytest.mark.clause("11.10(a)", negative=True)
def test_a_rewrite_is_never_signed_whatever_stands_among_the_checkpoints(owner: Owner, size: int) -> None:
    """A row that is not ours, at any size, hides nothing: neither what the file says, nor what the database does."""
    owner.again()
    before = owner.file.read_bytes()
    owner.put([owner.before[0]._replace(state=b"{}"), *owner.before[1:]])
    owner.rewrite()
    owner.alter("DELETE FROM ledger.checkpoints WHERE size = %s", values=(size,))
    owner.alter("INSERT INTO ledger.checkpoints VALUES (%s, 'garbage')", values=(size,))
    with psycopg.connect(owner.database.app_dsn, autocommit=True) as connection:
        assert make_checkpoint(connection, owner.keys, owner.file) is None
    assert owner.file.read_bytes() == before
    report = owner.verify()
    assert (report.ok, report.position) == (False, 1)
    assert f"The database's checkpoint over {size} events can't be read" in words(report)


def test_what_no_checkpoint_covers_yet_is_told_to_whoever_verifies(owner: Owner) -> None:
    """Well, and yet not proved: the report says both."""
    owner.again()
    assert "the newest 16 events are not covered by a checkpoint yet" in verify_text(owner.verify())
