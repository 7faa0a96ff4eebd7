"""Signed tree heads: they tell a ledger that was rewritten whole, head and all, from the one that was signed.

Whoever may append can put rows among the database's checkpoints, and its owner can do anything to them: so a tree is
signed only where it goes on from both, the file's last note and the furthest checkpoint of the database that is ours.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import Connection

from ledger.growth import gone_on
from ledger.keys import Keys
from ledger.merkle import Tree
from ledger.note import Checkpoint, Fork, NoteError, origin_of, sign, sign_fork, tells_of_fork, verify_fork, verify_note
from ledger.notefile import NoteFile
from ledger.queries import queries
from ledger.read import LedgerDamaged
from ledger.stored import newest

log = structlog.get_logger(__name__)

#: Held alone while a checkpoint is put into its two places, and shared while these are compared.
LOCK = 0x636865636B
_SQL = queries("ledger", "checkpoint")

#: The tree by the sizes that matter.
_Trees = dict[int, Tree]


class _Head(NamedTuple):
    size: int
    edge: list[bytes]
    identity: UUID


class _Told(NamedTuple):
    """What was signed last, in the file and in the database. passed: how many rows go further and are not ours."""

    outside: Checkpoint | Fork | None
    stored: Checkpoint | None
    passed: int

    @property
    def reach(self) -> int:
        """Return how many events there must be at least."""
        return max(_reach(self.outside), _reach(self.stored))

    @property
    def heads(self) -> list[Checkpoint | Fork]:
        """Return both, by size."""
        return sorted((it for it in (self.outside, self.stored) if it is not None), key=lambda it: it.size)

    @property
    def lacking(self) -> Checkpoint | None:
        """Return the checkpoint that only the file has."""
        ahead = _size(self.outside) > _size(self.stored)
        return self.outside if ahead and isinstance(self.outside, Checkpoint) else None

    def grown(self, size: int) -> bool:
        """Tell whether there is more than was signed."""
        return size > max(_size(self.outside), _size(self.stored))


class Shrunk(LedgerDamaged):
    """There are fewer events than were signed."""


def make_checkpoint(connection: Connection[Any], keys: Keys, file: Path) -> Checkpoint | None:
    """Do as `sign_tree` does; where that refuses, it is logged as an error, and None too."""
    try:
        return sign_tree(connection, keys, file)
    except LedgerDamaged as damaged:
        event = "ledger_shrunk" if isinstance(damaged, Shrunk) else "ledger_not_signed"
        log.error(event, why=str(damaged))  # noqa: TRY400 - no bug
        return None


def sign_tree(connection: Connection[Any], keys: Keys, file: Path) -> Checkpoint | None:
    """Sign the tree as it is, once in the file and once in the database; None where it has not grown since the last.

    The file comes first: it is what a database that was set back, or rewritten, is measured by. A crash between the two
    leaves a note in the file that the database lacks; the next call puts it there. Takes a connection that is not in a
    transaction, and may be called by several processes at once: the tree is made before the lock is asked for, which is
    held for one fsync and one commit. Costs a hash for each event since the last. Raises LedgerDamaged for a tree that
    does not go on from what was signed, psycopg.Error, OSError where the file can't be written, and NoteError where it
    is damaged.
    """
    told = _told(connection, keys, file)
    while (trees := _trees(connection, keys, told)) is not None:
        with connection.transaction():
            connection.execute(_SQL.lock, (LOCK,))
            before, told = told, _told(connection, keys, file)
            if told.heads == before.heads:  # Else another one was faster: what it signed comes first.
                return _signed(connection, keys, file, told, trees)
    return None


def note_fork(
    connection: Connection[Any], keys: Keys, file: Path, fork: Fork, kept: Sequence[Checkpoint], after: str
) -> Fork:
    """Sign a fork into the file. kept: the checkpoints of what was kept that only the file has; the database gets them.

    after: the note that the file must end with still. Raises as `make_checkpoint` does, and NoteError where the file
    ends with another note.
    """
    with connection.transaction():
        connection.execute(_SQL.lock, (LOCK,))
        notes = NoteFile(file)
        if notes.last() != after:
            raise NoteError("the file of checkpoints was written to meanwhile")
        for checkpoint in kept:
            _store(connection, checkpoint, None)
        signed = sign_fork(fork, keys.signer())
        notes.append(signed.note)
        return signed


def shrunk(connection: Connection[Any], keys: Keys, file: Path) -> int | None:
    """Return how many events were signed where fewer are there, as the file's end has it; else None. One row is read.

    Raises psycopg.Error, and NoteError where the file is damaged.
    """
    head = _head(connection)
    reach = _reach(_last_in_file(NoteFile(file), origin_of(head.identity), keys.verifiers()))
    return reach if head.size < reach else None


def _told(connection: Connection[Any], keys: Keys, file: Path) -> _Told:
    """Return what was signed last. Raises LedgerDamaged where too many rows of the database are not ours."""
    origin, known = origin_of(_head(connection).identity), keys.verifiers()
    return _Told(_last_in_file(NoteFile(file), origin, known), *newest(connection, origin, known))


def _trees(connection: Connection[Any], keys: Keys, told: _Told) -> _Trees | None:
    """Return the trees that are to be signed and stored; None where nothing is. Raises LedgerDamaged if none may be."""
    head = _head(connection)  # Read after what was signed: it can't be less unless it was set back.
    if head.size < told.reach:
        raise Shrunk(f"there are {head.size} events, and {told.reach} were signed")
    if told.lacking is None and not told.grown(head.size):
        return None
    if told.passed:
        log.error("checkpoints_not_ours", rows=told.passed, measured_against=_size(told.stored))
    return gone_on(connection, origin_of(head.identity), keys.verifiers(), told.heads, head.size, head.edge)


def _signed(connection: Connection[Any], keys: Keys, file: Path, told: _Told, trees: _Trees) -> Checkpoint | None:
    if told.lacking is not None:
        _store(connection, told.lacking, trees[told.lacking.size].edge)
    tree = trees[max(trees)]
    if not told.grown(tree.size):
        return None
    checkpoint = sign(origin_of(_head(connection).identity), tree.size, tree.root(), keys.signer())
    NoteFile(file).append(checkpoint.note)
    _store(connection, checkpoint, tree.edge)
    return checkpoint


def _head(connection: Connection[Any]) -> _Head:
    row = connection.execute(_SQL.head, binary=True).fetchone()
    assert row is not None  # noqa: S101 - the migration puts the only row there
    return _Head(*row)


def _last_in_file(notes: NoteFile, origin: str, keys: Sequence[Ed25519PublicKey]) -> Checkpoint | Fork | None:
    """Return what the file's last note says, if it is one that this ledger's keys have signed."""
    note = notes.last()
    if note is None:
        return None
    try:
        told: Checkpoint | Fork = verify_fork(note, keys) if tells_of_fork(note) else verify_note(note, keys)
    except NoteError as error:
        log.warning("checkpoint_file_altered", why=str(error))
        return None
    return told if told.origin == origin else None


def _reach(told: Checkpoint | Fork | None) -> int:
    return told.position if isinstance(told, Fork) else _size(told)


def _size(told: Checkpoint | Fork | None) -> int:
    return told.size if told else 0


def _store(connection: Connection[Any], checkpoint: Checkpoint, edge: Sequence[bytes] | None) -> None:
    """Put a checkpoint into the database. Where another row has its place it stays in the file alone."""
    if not connection.execute(_SQL.store, (checkpoint.size, checkpoint.note, edge)).rowcount:
        log.error("checkpoint_not_stored", size=checkpoint.size, why="a row that is not ours has its place")
