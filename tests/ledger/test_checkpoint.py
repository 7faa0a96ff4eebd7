"""Signed tree heads: their text, their file, and making them."""

import base64
import multiprocessing
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import checkpoint as checkpoint_module
from ledger import growth
from ledger.checkpoint import make_checkpoint
from ledger.keys import Keys
from ledger.merkle import Tree
from ledger.note import Checkpoint, NoteError, origin_of, parse_note, sign, verify_note
from ledger.notefile import NoteFile
from tests.support.database import Database
from tests.support.ledgers import fill

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
ORIGIN = origin_of(UUID(int=1))
ROOT = sha256(b"root").digest()


def signed(size: int = 7) -> Checkpoint:
    return sign(ORIGIN, size, ROOT, KEY)


def test_the_note_is_what_c2sp_says() -> None:
    """Origin, size, base64 root, an empty line; then a dash, the key's name, and key id and signature in base64."""
    origin, size, root, empty, line, end = signed().note.split("\n")
    assert (origin, size, root, empty, end) == (ORIGIN, "7", base64.b64encode(ROOT).decode(), "", "")
    dash, name, encoded = line.split(" ")
    claim = base64.b64decode(encoded)
    public = KEY.public_key().public_bytes_raw()
    assert (dash, name) == ("\u2014", ORIGIN)
    assert claim[:4] == sha256(ORIGIN.encode() + b"\n\x01" + public).digest()[:4]
    KEY.public_key().verify(claim[4:], f"{origin}\n{size}\n{root}\n".encode())


def test_a_note_is_read_back() -> None:
    """What was signed is what is read, with the key that signed it among those that are known."""
    assert parse_note(signed().note) == signed()
    assert verify_note(signed().note, [OTHER.public_key(), KEY.public_key()]) == signed()


def test_every_changed_byte_is_noticed() -> None:
    """Whatever byte of a note is changed or left out, it no longer verifies."""
    note = signed().note
    for place in range(len(note)):
        for changed in (note[:place] + note[place + 1 :], note[:place] + chr(ord(note[place]) ^ 1) + note[place + 1 :]):
            with pytest.raises(NoteError):
                verify_note(changed, [KEY.public_key()])


def test_a_key_that_is_not_known_does_not_verify() -> None:
    """A note that only others have signed is not good."""
    with pytest.raises(NoteError, match="no key"):
        verify_note(signed().note, [OTHER.public_key()])
    with pytest.raises(NoteError, match="no key"):
        verify_note(signed().note, [])


def test_signatures_of_others_are_passed_over() -> None:
    """A witness may add its signature; ours still counts."""
    note = signed().note + "\u2014 witness.example " + base64.b64encode(b"x" * 68).decode() + "\n"
    assert verify_note(note, [KEY.public_key()]).size == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "origin\n1\n",
        f"{ORIGIN}\n01\n{base64.b64encode(ROOT).decode()}\n\n\u2014 a b\n",
        f"{ORIGIN}\n-1\n{base64.b64encode(ROOT).decode()}\n\n\u2014 a b\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT[:31]).decode()}\n\n\u2014 a b\n",
        f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()}\nextension\n\n\u2014 a b\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Only what we would have written ourselves is read."""
    with pytest.raises(NoteError):
        parse_note(text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outside" / "checkpoints.log"


def test_notes_come_back_from_the_file_in_order(file: Path) -> None:
    """What was added is read, and the last one is found without reading the whole file."""
    notes = NoteFile(file)
    assert (notes.size(), notes.last()) == (None, None)
    written = [signed(size).note for size in range(1, 101)]
    for note in written:
        notes.append(note)
        assert notes.last() == note
    size = notes.size()
    assert size is not None
    assert size > 8192
    assert list(notes.read(size)) == written


def test_a_torn_last_write_is_passed_over_then_overwritten(file: Path) -> None:
    """Wherever a crash cuts the last note, those before are read, and the next one follows them."""
    first, torn, after = (signed(size).note for size in (1, 2, 3))
    whole = f"{torn}\n".encode()
    for cut in range(len(whole)):
        file.unlink(missing_ok=True)
        notes = NoteFile(file)
        notes.append(first)
        with file.open("ab") as handle:
            handle.write(whole[:cut])
        assert notes.last() == first
        assert list(notes.read(notes.size() or 0)) == [first]
        notes.append(after)
        assert list(notes.read(notes.size() or 0)) == [first, after]


def test_a_torn_first_write(file: Path) -> None:
    """A file with nothing but a torn note holds no note."""
    NoteFile(file).append(signed().note)
    file.write_bytes(file.read_bytes()[:-1])
    assert NoteFile(file).last() is None
    NoteFile(file).append(signed(8).note)
    assert NoteFile(file).last() == signed(8).note


def test_a_file_that_no_crash_leaves_is_not_written_to(file: Path) -> None:
    """Where the end of a long file is not a checkpoint, somebody else was at it: it is left as it is."""
    NoteFile(file).append(signed().note)
    with file.open("ab") as handle:
        handle.write(b"x" * 10_000)
    before = file.read_bytes()
    with pytest.raises(NoteError):
        NoteFile(file).append(signed(8).note)
    assert file.read_bytes() == before


def kept(database: Database) -> list[tuple[int, str]]:
    with psycopg.connect(database.owner_dsn) as connection:
        return connection.execute("SELECT size, note FROM ledger.checkpoints ORDER BY size").fetchall()


def checkpoint(database: Database, file: Path) -> Checkpoint | None:
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        return make_checkpoint(connection, Keys(file.parent / "keys"), file)


def test_an_empty_ledger_has_no_checkpoint(database: Database, file: Path) -> None:
    """There is nothing to sign before the first event."""
    assert checkpoint(database, file) is None
    assert not file.exists()


def test_a_checkpoint_is_kept_twice_and_only_when_the_tree_has_grown(database: Database, file: Path) -> None:
    """Each is in the database and in the file, word for word; none is made without new events."""
    made = []
    for _ in range(3):
        fill(database.app_dsn, 2)
        made.append(checkpoint(database, file))
        assert checkpoint(database, file) is None
    notes = [(one.size, one.note) for one in made if one]
    assert [size for size, _ in notes] == [2, 4, 6]
    assert kept(database) == notes
    assert list(NoteFile(file).read(file.stat().st_size)) == [note for _, note in notes]


def test_a_checkpoint_signs_the_root_with_the_kept_key(database: Database, file: Path) -> None:
    """It verifies with the public key of the folder, under an origin that is the ledger's for ever."""
    fill(database.app_dsn, 5)
    first = checkpoint(database, file)
    fill(database.app_dsn, 1)
    second = checkpoint(database, file)
    assert first
    assert second
    keys = Keys(file.parent / "keys").verifiers()
    assert verify_note(first.note, keys).origin == verify_note(second.note, keys).origin


def test_a_crash_between_file_and_database_is_made_good(database: Database, file: Path) -> None:
    """What stands in the file only is put into the database by the next call, which signs nothing twice."""
    fill(database.app_dsn, 3)
    assert checkpoint(database, file)
    before = kept(database)
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("DELETE FROM ledger.checkpoints")
    assert checkpoint(database, file) is None
    assert kept(database) == before


def test_a_database_that_was_set_back_signs_nothing(database: Database, file: Path) -> None:
    """Where the file knows of more events than there are, no second history is signed, and nothing is made good."""
    fill(database.app_dsn, 3)
    assert checkpoint(database, file)
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("TRUNCATE ledger.events, ledger.leaves, ledger.checkpoints")
        connection.execute("UPDATE ledger.head SET size = 0, edge = '{}'")
    fill(database.app_dsn, 2)
    assert checkpoint(database, file) is None
    assert kept(database) == []


def test_a_note_in_the_file_that_is_not_ours_is_not_taken_over(database: Database, file: Path) -> None:
    """Only what our key has signed is put into the database."""
    fill(database.app_dsn, 3)
    NoteFile(file).append(sign(ORIGIN, 2, ROOT, OTHER).note)
    made = checkpoint(database, file)
    assert made
    assert [size for size, _ in kept(database)] == [3]


def plant(database: Database, size: int, note: str = "garbage") -> None:
    """Put a row among the checkpoints, as the application's role may."""
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute("INSERT INTO ledger.checkpoints VALUES (%s, %s)", (size, note))


def rewrite(database: Database) -> None:
    """Have another history of 9 events, right in itself, as the database's owner can."""
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("TRUNCATE ledger.events, ledger.leaves")
        connection.execute("UPDATE ledger.head SET size = 0, edge = '{}'")
    fill(database.app_dsn, 9)


@pytest.mark.parametrize("size", [6, 8, 9, 12, 1 << 62, (1 << 63) - 1])
@pytest.mark.clause("11.10(a)", negative=True)
def test_a_planted_row_does_not_get_a_rewritten_history_signed(database: Database, file: Path, size: int) -> None:
    """Whatever stands furthest in the database, the tree must go on from what our key has signed."""
    fill(database.app_dsn, 5)
    assert checkpoint(database, file)
    plant(database, size)
    before = file.read_bytes()
    rewrite(database)
    assert checkpoint(database, file) is None
    assert file.read_bytes() == before


@pytest.mark.clause("11.10(a)", negative=True)
def test_both_the_file_and_the_database_measure_what_is_signed(database: Database, file: Path) -> None:
    """A file that was set back gets nothing signed that the database's furthest checkpoint does not begin, nor does a
    database that was emptied of its checkpoints get past the file."""
    for _ in range(2):
        fill(database.app_dsn, 2)
        assert checkpoint(database, file)
    whole, notes = file.read_bytes(), list(NoteFile(file).read(file.stat().st_size))
    rewrite(database)
    file.write_text(f"{notes[0]}\n")
    assert checkpoint(database, file) is None
    file.unlink()
    assert checkpoint(database, file) is None
    file.write_bytes(whole)
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("DELETE FROM ledger.checkpoints")
    assert checkpoint(database, file) is None
    assert file.read_bytes() == whole


@pytest.mark.parametrize("size", [1, 7, 8, 9, 1 << 62, (1 << 63) - 1])
def test_a_planted_row_does_not_stop_the_signing(database: Database, file: Path, size: int) -> None:
    """It goes on from the furthest one that is ours, and the planted row stays what it is."""
    fill(database.app_dsn, 5)
    assert checkpoint(database, file)
    plant(database, size)
    for _ in range(3):
        fill(database.app_dsn, 2)
        assert checkpoint(database, file)
    notes = list(NoteFile(file).read(file.stat().st_size))
    assert [parse_note(note).size for note in notes] == [5, 7, 9, 11]
    ours = [(parse_note(note).size, note) for note in notes if parse_note(note).size != size]
    assert kept(database) == sorted([*ours, (size, "garbage")])


def test_a_note_of_ours_under_another_size_is_not_taken_for_it(database: Database, file: Path) -> None:
    """Who may read the checkpoints may put one there again, as if it covered more."""
    fill(database.app_dsn, 5)
    first = checkpoint(database, file)
    assert first
    plant(database, 1 << 40, first.note)
    fill(database.app_dsn, 1)
    made = checkpoint(database, file)
    assert made
    assert made.size == 6


def test_more_planted_rows_than_are_read_stop_the_signing(database: Database, file: Path) -> None:
    """What was signed is then not known: nothing is signed that might not go on from it."""
    fill(database.app_dsn, 5)
    assert checkpoint(database, file)
    fill(database.app_dsn, 1)
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute("INSERT INTO ledger.checkpoints SELECT n, 'x' FROM generate_series(10, 1032) n")
    assert checkpoint(database, file), "1023 are passed over"
    plant(database, 9)
    fill(database.app_dsn, 1)
    assert checkpoint(database, file) is None


def test_the_lock_is_not_held_while_the_tree_is_made(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints of earlier versions have no edge: the first one after them hashes all that was ever recorded."""
    fill(database.app_dsn, 5)
    assert checkpoint(database, file)
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("UPDATE ledger.checkpoints SET edge = NULL")
    fill(database.app_dsn, 2)
    read = list[tuple[int, int]]()
    leaves = growth._leaves

    def unlocked(connection: psycopg.Connection[Any], first: int, last: int) -> list[bytes]:
        locks = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        ).fetchone()
        assert locks == (0,)
        read.append((first, last))
        return leaves(connection, first, last)

    monkeypatch.setattr(growth, "_leaves", unlocked)
    assert checkpoint(database, file)
    assert read == [(1, 5), (6, 7)]


def test_who_was_slower_signs_on_top_of_who_was_faster(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was signed while the tree was made is looked at again: nothing is signed twice, and nothing before it."""
    fill(database.app_dsn, 5)
    trees = checkpoint_module.gone_on

    def overtaken(*given: Any) -> dict[int, Tree]:
        made = trees(*given)
        monkeypatch.setattr(checkpoint_module, "gone_on", trees)
        fill(database.app_dsn, 2)
        assert checkpoint(database, file)
        fill(database.app_dsn, 1)
        return made

    monkeypatch.setattr(checkpoint_module, "gone_on", overtaken)
    assert checkpoint(database, file)
    assert [size for size, _ in kept(database)] == [7, 8]


def checkpointing(dsn: str, file: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(20):
            fill(dsn, 1)
            make_checkpoint(connection, Keys(file.parent / "keys"), file)


@pytest.mark.long
def test_several_processes_make_them_at_once(database: Database, file: Path) -> None:
    """File and database hold the same checkpoints in the same order, each once."""
    context = multiprocessing.get_context("spawn")
    makers = [context.Process(target=checkpointing, args=(database.app_dsn, file)) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert [maker.exitcode for maker in makers] == [0, 0, 0]
    notes = [note for _, note in kept(database)]
    assert len(notes) >= 20
    assert list(NoteFile(file).read(file.stat().st_size)) == notes
