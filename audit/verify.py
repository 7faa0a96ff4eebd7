"""Verifying the ledger: every leaf and the tree, made again from the stored events, against all that was said of them.

What is compared: the leaf hashes stored with each batch, which name the position that differs; the head row; and every
signed checkpoint, in the database and in the file outside it. Whoever rewrites events, leaf hashes and head alike is
told by the first checkpoint that no longer fits; what is newer than the last checkpoint rests on the database alone.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import Connection

from audit.heads import Outside, SignedHeads
from audit.report import Findings, Report
from audit.walk import Head, Walk, judge
from ledger.checkpoint import LOCK
from ledger.note import origin_of
from ledger.notefile import NoteFile
from ledger.queries import queries

_SQL = queries("audit", "verify")

#: Called with how many events were read, and how many there are.
Progress = Callable[[int, int], None]


def verify(
    connection: Connection[Any],
    keys: Sequence[Ed25519PublicKey],
    file: Path | None,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Check one state of the ledger while appends go on; needs the application's rights only.

    connection: not in a transaction. keys: `Keys.verifiers()`; without one no checkpoint is good. file: of the
    checkpoints; None leaves it out. Memory does not grow with the ledger. Raises psycopg.Error and OSError where the
    database or the file can't be read.
    """
    begun = time.perf_counter()
    with _frozen(connection, file) as (head, outside):
        findings = Findings()
        signed = SignedHeads(connection, outside, origin_of(head.identity), keys, findings)
        walk = Walk(connection, signed, findings)
        for done in walk:
            progress(done, max(head.size, done))
        if file is not None and outside is None and signed.checked:
            findings.add(None, f"The file of checkpoints, {file}, is not there.")
        judge(walk, head, findings)
        return walk.report(begun)


@contextmanager
def _frozen(connection: Connection[Any], file: Path | None) -> Iterator[tuple[Head, Outside | None]]:
    """Look up the head, and with it what the file holds at that moment; no checkpoint is made meanwhile."""
    with connection.transaction():
        connection.execute(_SQL.lock, (LOCK,))
    locked = True
    try:
        with connection.transaction():
            connection.execute(_SQL.freeze)
            row = connection.execute(_SQL.head, binary=True).fetchone()
            assert row is not None  # noqa: S101 - the migration puts the only row there
            size = None if file is None else NoteFile(file).size()
            connection.execute(_SQL.unlock, (LOCK,))
            locked = False
            yield Head(*row), None if file is None or size is None else Outside(NoteFile(file), size)
    finally:
        if locked and not connection.closed:
            connection.execute(_SQL.unlock, (LOCK,))
