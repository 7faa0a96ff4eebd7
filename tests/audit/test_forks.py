"""Forks: a backup that was restored is found, acknowledged, and verifies from then on; nothing else is forgiven."""

import asyncio
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from audit.bundle import consistency
from audit.report import Report
from audit.restored import restored
from domain.errors import Conflict, InvalidInput
from flowledger import acknowledging
from flowledger.acknowledging import Acknowledged, NothingToAcknowledge, acknowledge, look
from ledger.checkpoint import make_checkpoint, shrunk
from ledger.connect import connect
from ledger.keys import Keys
from ledger.note import NoteError, sign_fork, tells_of_fork, verify_fork
from ledger.notefile import NoteFile
from tests.audit.stage import Stage, words
from tests.support.database import Database
from tests.support.ledgers import fill


class Restoring(Stage):
    """Checkpoints over 12 and 24 of 40 events; then a backup, one more over 40, and the backup is restored."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__(database, folder)
        self.copy = self.backup()
        self.checkpoint()
        fill(database.app_dsn, 3)
        self.checkpoint()

    def lose(self) -> None:
        """Restore the backup: 40 events and the checkpoint over 24; the file knows of 43."""
        self.restore(self.copy)

    def acknowledge(self, reason: str = "The disk of the server was lost") -> Acknowledged:
        found = look(self.database.app_dsn, self.keys, self.file)
        return acknowledge(self.database.app_dsn, self.keys, self.file, found, reason)

    def sign(self) -> int | None:
        with psycopg.connect(self.database.app_dsn, autocommit=True) as connection:
            made = make_checkpoint(connection, self.keys, self.file)
        return made.size if made else None

    def notes(self) -> list[str]:
        return list(NoteFile(self.file).read(self.file.stat().st_size))

    def sizes(self) -> list[int]:
        with psycopg.connect(self.database.owner_dsn) as connection:
            rows = connection.execute("SELECT size FROM ledger.checkpoints ORDER BY size").fetchall()
        return [size for (size,) in rows]

    def edit(self, place: int, note: str | None) -> None:
        """Put another note in the place of one of the file's, or take it away."""
        notes = self.notes()
        notes[place : place + 1 or None] = [] if note is None else [note]
        self.file.write_text("".join(f"{one}\n" for one in notes))


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Restoring:
    return Restoring(database, tmp_path)


@pytest.fixture
def lost(stage: Restoring) -> Restoring:
    """A stage on which the backup was restored."""
    stage.lose()
    return stage


def refused(stage: Restoring) -> str:
    """Acknowledge what can't be, see that nothing came of it, and return why."""
    events, content = stage.one("SELECT count(*) FROM ledger.events"), stage.file.read_bytes()
    with pytest.raises(NothingToAcknowledge) as caught:
        stage.acknowledge()
    assert stage.one("SELECT count(*) FROM ledger.events") == events
    assert stage.file.read_bytes() == content
    return str(caught.value)


@pytest.mark.clause("11.10(c)", negative=True)
def test_a_restored_backup_is_found_and_located(lost: Restoring) -> None:
    """The file outside the database knows of more: the position behind the last event is named."""
    report = lost.verify()
    assert (report.ok, report.position) == (False, 41)
    assert "A checkpoint was signed over 43 events; only 40 are there." in words(report)
    with psycopg.connect(lost.database.app_dsn, autocommit=True) as connection:
        assert shrunk(connection, lost.keys, lost.file) == 43


@pytest.mark.clause("11.10(c)")
def test_an_acknowledged_fork_verifies_from_then_on(lost: Restoring) -> None:
    """It is told, everything is covered at once, and what comes later is as ever."""
    done = lost.acknowledge()
    assert (done.position, done.kept, done.covered) == (41, 40, 40)
    assert (done.abandoned, done.first_abandoned, done.last_abandoned) == (1, 43, 43)
    report = lost.verify()
    assert report.ok, words(report)
    assert (report.events, report.forks, report.covered, report.uncovered) == (41, 1, 41, 0)
    fill(lost.database.app_dsn, 9)
    assert lost.sign() == 50
    report = lost.verify()
    assert report.ok, words(report)
    assert (report.forks, report.covered) == (1, 50)
    assert lost.sizes() == [12, 24, 40, 41, 50]


def test_what_was_kept_may_be_newer_than_its_last_checkpoint(stage: Restoring) -> None:
    """Events that were recorded since, before anybody noticed, stay: they rest on the database alone, which is said."""
    stage.lose()
    fill(stage.database.app_dsn, 2)
    done = stage.acknowledge()
    assert (done.kept, done.covered, done.position) == (42, 40, 43)
    assert stage.verify().ok


def test_the_event_says_what_was_kept_and_abandoned_and_why(lost: Restoring) -> None:
    """It is the system's, with where it came from."""
    lost.acknowledge("Power failure")
    said = lost.one("SELECT convert_from(state, 'UTF8')::json FROM ledger.events WHERE position = 41")
    assert (said["id"], said["kept_size"], said["covered"], said["reason"]) == (1, 40, 40, "Power failure")
    assert said["kept_root"] == lost.by_hand(40).root.hex()
    assert "actor" not in said
    assert said["source"]["address"]
    assert lost.one("SELECT topic FROM ledger.events WHERE position = 41") == "ledger.fork_acknowledged"


def test_the_file_alone_tells_of_the_fork(lost: Restoring) -> None:
    """The note is signed by the checkpoint key under a name of its own, and no checkpoint can be taken for it."""
    lost.acknowledge()
    note = lost.notes()[-2]
    assert tells_of_fork(note)
    fork = verify_fork(note, lost.keys.verifiers())
    assert (fork.size, fork.root, fork.position) == (40, lost.by_hand(40).root, 41)
    for place in range(0, len(note), 5):
        with pytest.raises(NoteError):
            verify_fork(note[:place] + chr(ord(note[place]) ^ 1) + note[place + 1 :], lost.keys.verifiers())


def test_nothing_is_acknowledged_where_nothing_is_lost(stage: Restoring) -> None:
    """A ledger that holds all that was signed needs no excuse; a second time, neither."""
    assert "nothing to acknowledge" in refused(stage)
    stage.lose()
    stage.acknowledge()
    assert "nothing to acknowledge" in refused(stage)


@pytest.mark.parametrize("position", [1, 12, 13, 24, 30, 40])
@pytest.mark.clause("11.10(a)", negative=True)
def test_tampering_is_never_acknowledged_away(lost: Restoring, position: int) -> None:
    """What is there must fit what was signed, however carefully rows, leaf hashes and head were made to agree."""
    lost.alter(f"UPDATE ledger.events SET state = '{{}} ' WHERE position = {position}")
    assert f"at position {position}" in refused(lost)
    lost.rewrite()
    assert "at position" in refused(lost)


def test_a_ledger_that_grew_past_what_was_signed_is_not_acknowledged(lost: Restoring) -> None:
    """A rewritten tail would look the same: only less than was signed is an older copy."""
    fill(lost.database.app_dsn, 5)
    assert "at position 41" in refused(lost)
    assert lost.sign() is None, "and no second history is signed"
    assert lost.sizes() == [12, 24]


def test_events_and_checkpoints_deleted_by_hand_are_not_a_backup(stage: Restoring) -> None:
    """A checkpoint of more events than there are is in no backup."""
    stage.alter("DELETE FROM ledger.events WHERE position > 40")
    stage.rewrite()
    assert "at position 41" in refused(stage)


def test_a_backup_from_before_the_first_checkpoint_is_not_acknowledged(stage: Restoring) -> None:
    """Nothing that was signed tells whether it is one."""
    stage.alter("DELETE FROM ledger.events WHERE position > 8", "TRUNCATE ledger.checkpoints")
    stage.rewrite()
    assert "no signed checkpoint covers" in refused(stage)


def test_checkpoints_that_are_not_ours_are_not_abandoned(lost: Restoring) -> None:
    """Who can write to the file, without the key, can not make anything look lost."""
    lost.edit(-1, lost.notes()[-1].replace("\n43\n", "\n44\n"))
    assert "is not good" in refused(lost)


def test_a_reason_must_be_given(lost: Restoring) -> None:
    with pytest.raises(InvalidInput):
        lost.acknowledge(" ")
    assert lost.one("SELECT size FROM ledger.head") == 40


def test_events_that_come_meanwhile_are_not_acknowledged_unseen(lost: Restoring) -> None:
    """The event is recorded right behind what was looked at, or not at all."""
    found = look(lost.database.app_dsn, lost.keys, lost.file)
    fill(lost.database.app_dsn, 1)
    with pytest.raises(Conflict):
        acknowledge(lost.database.app_dsn, lost.keys, lost.file, found, "Lost")
    assert lost.one("SELECT size FROM ledger.head") == 41


def crash_between(stage: Restoring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die after the event and before the note."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(acknowledging, "note_fork", die)
        with pytest.raises(KeyboardInterrupt):
            stage.acknowledge()


def test_a_crash_between_event_and_note_is_made_good(lost: Restoring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then it is red; done again it goes on where it was, and records nothing twice."""
    crash_between(lost, monkeypatch)
    report = lost.verify()
    assert "Event 41 acknowledges a fork of which there is no good note in the file." in words(report)
    done = lost.acknowledge("Again")
    assert (done.position, done.kept) == (41, 40)
    assert lost.one("SELECT size FROM ledger.head") == 41
    assert lost.verify().ok


def test_an_event_that_somebody_else_put_there_is_not_taken_for_one(
    lost: Restoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events behind an unfinished acknowledgement, past what was signed, are no older copy."""
    crash_between(lost, monkeypatch)
    fill(lost.database.app_dsn, 2)
    assert "grown past it" in refused(lost)


def test_an_event_put_there_to_be_finished_covers_nothing_by_itself(stage: Restoring) -> None:
    """Whoever can write the event alone, as the database's owner, has no more acknowledged than without it."""
    stage.alter("DELETE FROM ledger.events WHERE position > 8", "TRUNCATE ledger.checkpoints")
    stage.rewrite()
    with psycopg.connect(stage.database.app_dsn, autocommit=True) as connection:
        found = restored(connection, stage.keys.verifiers(), stage.file)
    asyncio.run(acknowledging._recorded(stage.database.app_dsn, stage.keys, found, "Forged"))
    assert "no signed checkpoint covers" in refused(stage)


def test_two_at_once_acknowledge_it_once(lost: Restoring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second finds that the file was written to."""
    crash_between(lost, monkeypatch)
    found = look(lost.database.app_dsn, lost.keys, lost.file)
    acknowledge(lost.database.app_dsn, lost.keys, lost.file, found, "First")
    with pytest.raises(NoteError):
        acknowledge(lost.database.app_dsn, lost.keys, lost.file, found, "Second")
    assert lost.verify().ok


@pytest.fixture
def forked(lost: Restoring) -> Restoring:
    """A fork at event 41, acknowledged; 50 events, all covered."""
    lost.acknowledge()
    fill(lost.database.app_dsn, 9)
    lost.checkpoint()
    return lost


def found_at(stage: Restoring, position: int | None) -> Report:
    report = stage.verify()
    assert not report.ok
    assert report.position == position, words(report)
    return report


def test_a_fork_whose_event_was_removed(forked: Restoring) -> None:
    """Its place is named, also where everything in the database was made to agree."""
    forked.alter("DELETE FROM ledger.events WHERE position = 41")
    found_at(forked, 41)
    forked.alter("UPDATE ledger.events SET position = position - 1 WHERE position > 41")
    forked.rewrite()
    assert "Event 41 is not the one that acknowledges the fork" in words(found_at(forked, 41))


def test_a_fork_whose_event_was_altered(forked: Restoring) -> None:
    """The note binds the event by its leaf hash, before any checkpoint covers it."""
    forked.alter("UPDATE ledger.events SET state = replace(state::text, '5c', '5d')::bytea || ' ' WHERE position = 41")
    forked.rewrite()
    assert "Event 41 is not the one that acknowledges the fork" in words(found_at(forked, 41))


def test_a_fork_whose_note_was_removed(forked: Restoring) -> None:
    """The event is named; and the file is out of its order without the note."""
    forked.edit(-3, None)
    assert "no good note in the file" in words(found_at(forked, 41))
    assert "out of its order" in words(forked.verify())


@pytest.mark.parametrize("place", range(0, 400, 16))
def test_a_fork_whose_note_was_altered(forked: Restoring, place: int) -> None:
    """Any byte of it counts."""
    notes = forked.notes()
    note = notes[-3]
    place %= len(note)
    forked.edit(-3, note[:place] + chr(ord(note[place]) ^ 1) + note[place + 1 :])
    assert not forked.verify().ok


def test_a_note_of_a_fork_that_another_key_signed(forked: Restoring) -> None:
    forger = Keys(forked.file.parent / "forger")
    fork = verify_fork(forked.notes()[-3], forked.keys.verifiers())
    forked.edit(-3, sign_fork(fork, forger.signer()).note)
    assert "no key that is known here has signed it" in words(found_at(forked, 41))


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_checkpoint_in_front_of_the_fork_that_was_removed(forked: Restoring, place: int) -> None:
    """Kept ones are in the database; the abandoned one is bound by the fork's note."""
    forked.edit(place, None)
    assert "in the file" in words(found_at(forked, None))


def test_an_event_of_a_fork_that_was_put_there(forked: Restoring) -> None:
    """Whoever has the database's password can not excuse what he did."""
    row = (51, uuid4())
    forked.alter(
        "INSERT INTO ledger.events SELECT %s, %s, 1, topic, state, h.recorded_at"
        " FROM ledger.events AS e, ledger.head AS h WHERE e.position = 41",
        values=row,
    )
    forked.rewrite()
    assert "no good note" in words(found_at(forked, 51))


def test_a_second_restore_is_found_and_acknowledged_as_the_first(forked: Restoring) -> None:
    """Each has an event and a note of its own."""
    copy = forked.backup()
    fill(forked.database.app_dsn, 4)
    forked.checkpoint()
    forked.restore(copy)
    assert "signed over 54 events; only 50" in words(found_at(forked, 51))
    forked.acknowledge()
    report = forked.verify()
    assert report.ok, words(report)
    assert report.forks == 2


def test_a_restore_behind_an_acknowledged_fork(forked: Restoring) -> None:
    """The fork is abandoned with all that followed it; before that it is missed at its place."""
    forked.lose()
    assert "event that acknowledges a fork, 41, is not there" in words(found_at(forked, 41))
    done = forked.acknowledge()
    assert (done.position, done.abandoned, done.first_abandoned, done.last_abandoned) == (41, 3, 41, 50)
    report = forked.verify()
    assert report.ok, words(report)
    assert report.forks == 1
    fill(forked.database.app_dsn, 1)
    assert forked.sign() == 42


def test_the_lost_branch_can_not_come_back(stage: Restoring) -> None:
    """A backup of what was abandoned is not what was signed last."""
    abandoned = stage.backup()
    stage.lose()
    stage.acknowledge()
    stage.restore(abandoned)
    found_at(stage, 41)
    refused(stage)


@pytest.mark.anyio
async def test_checkpoints_of_an_abandoned_branch_are_not_offered(forked: Restoring) -> None:
    """What goes on is consistent with what was kept; the abandoned tree is not asked about."""
    connection = await connect(forked.database.app_dsn, "test")
    try:
        assert await consistency(connection, forked.keys, 24, 50)
        with pytest.raises(LookupError):
            await consistency(connection, forked.keys, 43, 50)
    finally:
        await connection.close()


def test_nothing_is_signed_between_restore_and_acknowledgement(lost: Restoring) -> None:
    """However many events come: the file stays as it was."""
    content = lost.file.read_bytes()
    for count in (1, 2, 7):
        assert lost.sign() is None
        fill(lost.database.app_dsn, count)
    assert lost.sign() is None
    assert lost.file.read_bytes() == content


def test_a_rewritten_ledger_is_not_signed(stage: Restoring) -> None:
    """The key signs only what goes on from what it has signed."""
    stage.alter("UPDATE ledger.events SET state = '{} ' WHERE position = 20")
    stage.rewrite()
    fill(stage.database.app_dsn, 1)
    assert stage.sign() is None
    assert stage.sizes() == [12, 24, 40, 43]


def test_signing_goes_on_where_earlier_versions_left_no_edges(stage: Restoring) -> None:
    """The tree is then made from its beginning."""
    stage.alter("UPDATE ledger.checkpoints SET edge = NULL")
    fill(stage.database.app_dsn, 1)
    assert stage.sign() == 44
    stage.alter("UPDATE ledger.checkpoints SET edge = ARRAY[NULL, 'x'::bytea]")
    fill(stage.database.app_dsn, 1)
    assert stage.sign() == 45
    assert "edge stored with the checkpoint over 12 events" in words(stage.verify())
