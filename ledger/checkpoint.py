"""Signed tree heads: they tell a ledger that was rewritten whole, head and all, from the one that was signed."""

from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import Connection

from ledger.keys import Keys
from ledger.merkle import Tree
from ledger.note import Checkpoint, NoteError, origin_of, parse_note, sign, verify_note
from ledger.notefile import NoteFile
from ledger.queries import queries

log = structlog.get_logger(__name__)

#: Held alone while a checkpoint is made, and shared while its two copies are compared.
LOCK = 0x636865636B
_SQL = queries("ledger", "checkpoint")


class _Head(NamedTuple):
    size: int
    edge: list[bytes]
    identity: UUID


def make_checkpoint(connection: Connection[Any], keys: Keys, file: Path) -> Checkpoint | None:
    """Sign the tree as it is, once in the file and once in the database; None where it has not grown since the last.

    The file comes first: it is what a database that was set back, or rewritten, is measured by. A crash between the two
    leaves a note in the file that the database lacks; the next call puts it there. Takes a connection that is not in a
    transaction, and may be called by several processes at once. Costs one fsync and one commit. Raises psycopg.Error,
    OSError where the file can't be written, and NoteError where it is damaged.
    """
    with connection.transaction():
        connection.execute(_SQL.lock, (LOCK,))
        head = _head(connection)
        notes = NoteFile(file)
        signed = _last_in_database(connection)
        outside = _last_in_file(notes, head, keys)
        if outside is not None and signed < outside.size <= head.size:
            _store(connection, outside)
        last = max(signed, outside.size if outside is not None else 0)
        if head.size < last:
            log.error("ledger_shrunk", size=head.size, signed=last)
        if head.size <= last:
            return None
        root = Tree(head.size, head.edge).root()
        checkpoint = sign(origin_of(head.identity), head.size, root, keys.signer())
        notes.append(checkpoint.note)
        _store(connection, checkpoint)
        return checkpoint


def _head(connection: Connection[Any]) -> _Head:
    row = connection.execute(_SQL.head).fetchone()
    assert row is not None  # noqa: S101 - the migration puts the only row there
    return _Head(*row)


def _last_in_database(connection: Connection[Any]) -> int:
    row = connection.execute(_SQL.last_size).fetchone()
    return int(row[0]) if row else 0


def _last_in_file(notes: NoteFile, head: _Head, keys: Keys) -> Checkpoint | None:
    """Return the file's last checkpoint, if it is one that this ledger's keys have signed."""
    note = notes.last()
    if note is None:
        return None
    try:
        checkpoint = verify_note(note, keys.verifiers())
    except NoteError as error:
        log.warning("checkpoint_file_altered", why=str(error))
        return None
    return checkpoint if checkpoint.origin == origin_of(head.identity) else None


def _store(connection: Connection[Any], checkpoint: Checkpoint) -> None:
    connection.execute(_SQL.store, (checkpoint.size, checkpoint.note))


__all__ = ["LOCK", "Checkpoint", "NoteError", "make_checkpoint", "origin_of", "parse_note", "verify_note"]
