"""Verifying: whatever is altered in the record is found, and named."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from audit.report import Report
from audit.verify import verify
from ledger.checkpoint import make_checkpoint
from ledger.keys import Keys
from ledger.note import origin_of, sign
from ledger.notefile import NoteFile
from tests.audit.stage import Stage, words
from tests.support.database import Database
from tests.support.ledgers import append_of, fill, proposed, writer_on


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)


@pytest.mark.clause("11.10(a)")
def test_an_untouched_ledger_is_whole(stage: Stage) -> None:
    """It says how much was read, and what no checkpoint covers yet."""
    seen: list[tuple[int, int]] = []
    report = stage.verify(progress=lambda done, total: seen.append((done, total)))
    assert report.ok, words(report)
    assert (report.position, report.why, report.problems, report.found) == (None, "", (), 0)
    assert (report.events, report.covered, report.uncovered, report.checkpoints) == (40, 24, 16, 2)
    assert report.bytes == stage.one("SELECT sum(length(topic) + length(state)) FROM ledger.events")
    assert report.events_per_second > 0
    assert seen[-1] == (40, 40)
    stage.checkpoint()
    assert stage.verify().uncovered == 0


def test_an_empty_ledger_is_whole(database: Database, tmp_path: Path) -> None:
    """Nothing recorded is nothing altered, with neither keys nor file."""
    with psycopg.connect(database.app_dsn) as connection:
        report = verify(connection, [], tmp_path / "none.log")
    assert report.ok
    assert report.root == sha256(b"").hexdigest()
    assert (report.events, report.events_per_second) == (0, 0.0)


def test_a_ledger_longer_than_a_window(stage: Stage) -> None:
    """Events, leaf hashes and checkpoints are followed from one window of reading to the next."""
    fill(stage.database.app_dsn, 7, 4950, 1, 2, 3)
    stage.checkpoint()
    fill(stage.database.app_dsn, 6000)
    report = stage.verify()
    assert report.ok, words(report)
    assert (report.events, report.covered) == (11_003, 5003)
    stage.alter("UPDATE ledger.events SET state = '{}' WHERE position IN (5001, 11000)")
    report = stage.verify()
    assert [problem.position for problem in report.problems[:2]] == [5001, 11_000]


CHANGES = {
    "originator_id": "gen_random_uuid()",
    "originator_version": "originator_version + 1",
    "topic": "topic || ' '",
    "state": "state || ' '::bytea",
    "recorded_at": "recorded_at - interval '1 microsecond'",
}


@pytest.mark.parametrize("column", CHANGES)
@pytest.mark.parametrize("position", [1, 17, 40])
def test_any_altered_column_is_named(stage: Stage, column: str, position: int) -> None:
    """The position of the row is given, whichever of its columns was changed."""
    stage.alter(f"UPDATE ledger.events SET {column} = {CHANGES[column]} WHERE position = {position}")
    report = stage.verify()
    assert not report.ok
    assert report.position == position
    assert f"vent {position} " in report.why


@pytest.mark.clause("11.10(a)", negative=True)
def test_one_flipped_bit_is_named(stage: Stage) -> None:
    """A single bit of a stored event is enough."""
    stage.alter("UPDATE ledger.events SET state = set_bit(state, 3, 1 - get_bit(state, 3)) WHERE position = 23")
    report = stage.verify()
    assert (report.position, report.why) == (
        23,
        "Event 23 is not what was recorded: its leaf hash is not the one stored with it.",
    )


@pytest.mark.parametrize("position", [1, 18, 39])
@pytest.mark.clause("11.10(c)", negative=True)
def test_a_deleted_row_is_named(stage: Stage, position: int) -> None:
    """A gap is a gap."""
    stage.alter(f"DELETE FROM ledger.events WHERE position = {position}")
    assert (stage.verify().position, stage.verify().why) == (position, f"Event {position} is missing.")


def test_a_moved_position_is_named(stage: Stage) -> None:
    """A row that was given another position is missed where it was."""
    stage.alter("UPDATE ledger.events SET position = 1000000000000 WHERE position = 20")
    report = stage.verify()
    assert (report.position, report.why) == (20, "Event 20 is missing.")
    assert "beyond the head" in words(report)


def test_positions_below_one_are_found(stage: Stage) -> None:
    """A row where none can be is reported."""
    stage.alter("INSERT INTO ledger.events SELECT -5, gen_random_uuid(), 1, 'x', '', now()")
    assert "before position 1" in stage.verify().why


def test_two_swapped_rows_are_named(stage: Stage) -> None:
    """The place of an event is part of what was recorded."""
    stage.alter(
        "UPDATE ledger.events SET position = -position WHERE position IN (9, 30)",
        "UPDATE ledger.events SET position = CASE position WHEN -9 THEN 30 ELSE 9 END WHERE position IN (-9, -30)",
    )
    report = stage.verify()
    assert [problem.position for problem in report.problems[:2]] == [9, 30] or report.position == 9


def test_a_cut_tail_is_found_by_the_head(stage: Stage) -> None:
    """The head says how many there must be."""
    stage.alter("DELETE FROM ledger.events WHERE position > 30")
    report = stage.verify()
    assert report.position == 31
    assert "the head counts 40" in report.why


def test_a_cut_tail_with_head_and_leaves_is_found_by_a_checkpoint(stage: Stage) -> None:
    """Whoever cuts everything in the database alike is told by what was signed, even without the checkpoints' rows."""
    stage.alter("DELETE FROM ledger.events WHERE position > 20", "DELETE FROM ledger.checkpoints WHERE size > 20")
    stage.rewrite()
    report = stage.verify()
    assert report.position == 21
    assert "signed over 24 events; only 20" in report.why
    assert "not in the database" in words(report)


def test_a_row_beyond_the_head_is_named(stage: Stage) -> None:
    """What no append has counted does not belong."""
    stage.alter("INSERT INTO ledger.events SELECT 41, gen_random_uuid(), 1, 'x', '', now()")
    report = stage.verify()
    assert report.position == 41
    assert "beyond the head" in report.why


def test_an_altered_head_is_told_from_altered_events(stage: Stage) -> None:
    """Where a checkpoint over all of them fits the events, it is the head that was changed."""
    stage.checkpoint()
    stage.alter("UPDATE ledger.head SET edge = ARRAY[edge[2], edge[1]]")
    report = stage.verify()
    assert (report.position, report.why) == (
        None,
        "The head row was altered: every event fits the checkpoint over all of them.",
    )


def test_an_altered_head_over_events_that_no_checkpoint_covers(stage: Stage) -> None:
    """Either may have been changed then: the range is named."""
    stage.alter("UPDATE ledger.head SET edge = ARRAY[edge[2], edge[1]]")
    report = stage.verify()
    assert report.position == 25
    assert "Events 25 to 40 and the head row do not agree" in report.why


def test_a_head_that_is_no_tree(stage: Stage) -> None:
    """A head that no append can have left is reported, and the rest still checked."""
    stage.alter("UPDATE ledger.head SET edge = '{}'")
    report = stage.verify()
    assert "does not hold a tree" in words(report)
    assert report.events == 40


@pytest.mark.parametrize("size", [0, 39, 41, 10**15])
def test_a_head_that_counts_wrong(stage: Stage, size: int) -> None:
    """Too few or too many: the first position that is not where the head says is named."""
    stage.alter(f"UPDATE ledger.head SET size = {size}")
    assert stage.verify().position == min(size, 40) + 1


def test_the_heads_time(stage: Stage) -> None:
    """The head's time is that of the last event."""
    stage.alter("UPDATE ledger.head SET recorded_at = recorded_at + interval '1 microsecond'")
    assert stage.verify().why == "The head's time is not that of the last event."


def test_time_that_goes_back_is_named(stage: Stage) -> None:
    """Also where everything else was made to agree."""
    stage.alter("UPDATE ledger.events SET recorded_at = recorded_at - interval '1 hour' WHERE position = 33")
    stage.rewrite()
    report = stage.verify()
    assert (report.position, report.why) == (33, "Event 33 was recorded before the event in front of it.")


def test_an_altered_leaf_hash_is_told_from_an_altered_event(stage: Stage) -> None:
    """Where the event fits the root, it is the leaf hash that was changed."""
    stage.alter("UPDATE ledger.leaves SET hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40)) WHERE first = 13")
    report = stage.verify()
    assert report.position == 14
    assert "The leaf hash stored for event 14" in report.why


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.leaves WHERE first = 13",
        "UPDATE ledger.leaves SET hashes = '' WHERE first = 13",
        "UPDATE ledger.leaves SET first = 1000 WHERE first = 13",
        "UPDATE ledger.leaves SET first = 14 WHERE first = 13",
    ],
)
def test_missing_or_moved_leaf_hashes_are_named(stage: Stage, statement: str) -> None:
    """The first event whose leaf hash is not there is given."""
    stage.alter(statement)
    assert stage.verify().position == 13


def test_leaf_hashes_of_events_that_are_not_there(stage: Stage) -> None:
    """Hashes beyond the last event show that events were there."""
    stage.alter("INSERT INTO ledger.leaves VALUES (41, sha256('x'))")
    report = stage.verify()
    assert report.position == 41
    assert "Leaf hashes are stored" in report.why


@pytest.mark.parametrize(("position", "first", "last"), [(5, 1, 12), (12, 1, 12), (13, 13, 24), (20, 13, 24)])
def test_a_careful_forgery_is_found_by_signed_checkpoints(stage: Stage, position: int, first: int, last: int) -> None:
    """Rows, leaf hashes and head rewritten alike: the range from the last checkpoint that fits to the first that does
    not is named, and its first position."""
    stage.alter(f"UPDATE ledger.events SET state = '{{}} ' WHERE position = {position}")
    stage.rewrite()
    report = stage.verify()
    assert report.position == first
    assert f"Events {first} to {last} " in report.why
    assert f"{first} is the first position that can differ" in report.why
    assert report.covered == first - 1


def test_a_careful_forgery_that_no_checkpoint_covers_is_counted_as_uncovered(stage: Stage) -> None:
    """What rests on the database alone is said to."""
    stage.alter("UPDATE ledger.events SET state = '{} ' WHERE position = 25")
    stage.rewrite()
    report = stage.verify()
    assert report.ok
    assert (report.covered, report.uncovered) == (24, 16)


def test_a_forger_with_another_key_is_found(stage: Stage) -> None:
    """Checkpoints that were signed anew, over the forged tree, are not by our key."""
    stage.alter("UPDATE ledger.events SET state = '{} ' WHERE position = 20", "DELETE FROM ledger.checkpoints")
    stage.rewrite()
    forger = Stage.__new__(Stage)
    forger.database, forger.keys, forger.file = (
        stage.database,
        Keys(stage.file.parent / "x"),
        stage.file.parent / "x.log",
    )
    forger.checkpoint()
    report = stage.verify()
    assert report.position == 13
    assert "is not good: no key that is known here has signed it" in words(report)
    assert "not in the database" in words(report)
    assert "not in the file" in words(report)


def test_a_deleted_checkpoint_row(stage: Stage) -> None:
    """The file still has it."""
    stage.alter("DELETE FROM ledger.checkpoints WHERE size = 12")
    report = stage.verify()
    assert (report.found, report.why) == (
        1,
        "The checkpoint over 12 events is in the file and not in the database.",
    )
    assert report.covered == 24


def test_an_altered_checkpoint_row(stage: Stage) -> None:
    """Its signature no longer holds, and the file has another."""
    stage.alter("UPDATE ledger.checkpoints SET note = replace(note, E'\\n12\\n', E'\\n13\\n') WHERE size = 12")
    report = stage.verify()
    assert "The database's checkpoint over 12 events says 13 instead." in words(report)
    stage.alter("UPDATE ledger.checkpoints SET note = overlay(note placing 'AAAA' from 65) WHERE size = 24")
    report = stage.verify()
    assert "The checkpoint over 24 events in the database is another one in the file." in words(report)
    assert "its signature is false" in words(report)
    assert report.covered == 24, "the file's is still good"


def test_an_unreadable_checkpoint_row(stage: Stage) -> None:
    """What is no note is named by the size that its row gives."""
    stage.alter("UPDATE ledger.checkpoints SET note = 'x' WHERE size = 24")
    assert "The database's checkpoint over 24 events can't be read" in words(stage.verify())


def edited(stage: Stage, edit: Callable[[bytes], bytes]) -> Report:
    stage.file.write_bytes(edit(stage.file.read_bytes()))
    return stage.verify()


def _replaced(content: bytes, _: bytes) -> bytes:
    return content


def test_a_missing_file(stage: Stage) -> None:
    """A file that should be there is reported once, not checkpoint by checkpoint; to leave it out is a choice."""
    stage.file.unlink()
    report = stage.verify()
    assert report.found == 1
    assert "is not there" in report.why
    assert stage.verify(file=None).ok


def test_a_file_whose_end_was_cut(stage: Stage) -> None:
    """The database still has what the file lost."""
    report = edited(stage, lambda content: content[: len(content) // 2])
    assert report.why == "The checkpoint over 24 events in the database is not in the file."


def test_a_file_with_an_altered_byte(stage: Stage) -> None:
    """Every byte of it counts."""
    content = stage.file.read_bytes()
    for place in range(0, len(content), 7):
        altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert not edited(stage, partial(_replaced, altered)).ok, place


def test_a_file_out_of_order(stage: Stage) -> None:
    """Checkpoints follow each other as they were made."""
    first, second = NoteFile(stage.file).read(stage.file.stat().st_size)
    report = edited(stage, lambda _: f"{second}\n{first}\n".encode())
    assert "The file's checkpoint no. 2, over 12 events, is out of its order." in words(report)


def test_rubbish_in_the_file(stage: Stage) -> None:
    """What is not a checkpoint is named by its place."""
    report = edited(stage, lambda content: b"rubbish\n" + content)
    assert "The file's checkpoint no. 1 can't be read" in words(report)


def test_a_torn_last_write_of_the_file_is_no_fault(stage: Stage) -> None:
    """A crash may leave one: nobody was told of it."""
    assert edited(stage, lambda content: content + b"flowledger.dev/led").ok


def test_a_checkpoint_of_another_ledger(stage: Stage) -> None:
    """Well signed, but not of this one."""
    identity = stage.one("SELECT identity FROM ledger.head")
    root = bytes(32)
    NoteFile(stage.file).append(sign(origin_of(type(identity)(int=7)), 30, root, stage.keys.signer()).note)
    report = stage.verify()
    assert "is of another ledger" in words(report)


def test_a_tree_that_was_signed_and_is_not_this_one(stage: Stage) -> None:
    """A well-signed checkpoint that does not fit, between ones that do, is a second history."""
    identity = stage.one("SELECT identity FROM ledger.head")
    note = sign(origin_of(identity), 30, bytes(32), stage.keys.signer()).note
    NoteFile(stage.file).append(note)
    stage.alter("INSERT INTO ledger.checkpoints VALUES (30, %s)", values=(note,))
    with psycopg.connect(stage.database.app_dsn, autocommit=True) as connection:
        assert make_checkpoint(connection, stage.keys, stage.file) is None, "nothing is signed on top of it"
    last = stage.by_hand(40)
    NoteFile(stage.file).append(last.note)
    stage.alter("INSERT INTO ledger.checkpoints VALUES (40, %s)", values=(last.note,))
    report = stage.verify()
    assert report.position == 25
    assert "The checkpoint over 30 events was signed over another tree" in report.why
    assert "among the events 25 to 30" in report.why
    assert report.covered == 40


def test_without_the_key_no_checkpoint_is_good(stage: Stage) -> None:
    """Nothing is covered by what can not be verified."""
    for name in ("checkpoint.key", "checkpoint.pub"):
        (stage.file.parent / "keys" / name).unlink()
    report = stage.verify()
    assert not report.ok
    assert report.covered == 0


def test_a_key_that_was_changed_still_verifies_what_it_signed(stage: Stage) -> None:
    """The old key is kept under another name."""
    folder = stage.file.parent / "keys"
    (folder / "checkpoint.key").rename(folder / "checkpoint-1.key")
    stage.keys = Keys(folder)
    stage.checkpoint()
    report = stage.verify()
    assert report.ok, words(report)
    assert (report.checkpoints, report.covered) == (3, 40)


def test_a_report_of_many_problems_stays_short(stage: Stage) -> None:
    """Every row altered is one report, with the count."""
    fill(stage.database.app_dsn, 500)
    stage.alter("UPDATE ledger.events SET state = state || 'x'::bytea")
    report = stage.verify()
    assert report.position == 1
    assert report.found == 541
    assert len(report.problems) == 101


@pytest.fixture
def appending(stage: Stage) -> Iterator[Stage]:
    """Keep appending, and making checkpoints, as long as the test runs."""
    stop = threading.Event()

    async def run() -> None:
        async with writer_on(stage.database.app_dsn) as writer:
            while not stop.is_set():
                await asyncio.gather(*(writer.append(append_of(proposed(), proposed())) for _ in range(20)))
                await asyncio.to_thread(stage.checkpoint)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    yield stage
    stop.set()
    thread.join()


def test_it_checks_one_state_while_appends_go_on(appending: Stage) -> None:
    """Events and checkpoints that come while it reads disturb nothing."""
    sizes = []
    for _ in range(8):
        report = appending.verify()
        assert report.ok, words(report)
        sizes.append(report.events)
    assert sizes[0] < sizes[-1]


def test_the_connection_can_be_used_again(stage: Stage) -> None:
    """Nothing is left behind on it, neither a transaction nor a lock."""
    with psycopg.connect(stage.database.app_dsn) as connection:
        for _ in range(2):
            assert verify(connection, stage.keys.verifiers(), stage.file).ok
        held = connection.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert held.fetchall() == []
