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

from audit.branches import Branches
from audit.heads import SignedHeads
from audit.judging import judge
from audit.report import Findings, Report
from audit.walk import Head, Walk
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
    with frozen(connection, file) as (head, size):
        findings = Findings()
        origin = origin_of(head.identity)
        outside = None if file is None or size is None else Branches(NoteFile(file), size, origin, keys, findings)
        signed = SignedHeads(connection, outside, origin, keys, findings)
        walk = walked(connection, head, signed, findings, progress)
        if file is not None and outside is None and (signed.checked or walk.forked):
            findings.add(None, f"The file of checkpoints, {file}, is not there.")
        return walk.report(begun)


def walked(
    connection: Connection[Any], head: Head, signed: SignedHeads, findings: Findings, progress: Progress
) -> Walk:
    """Read the ledger to its end, and judge it."""
    walk = Walk(connection, signed, findings)
    for done in walk:
        progress(done, max(head.size, done))
    judge(walk, head, findings)
    return walk


@contextmanager
def frozen(connection: Connection[Any], file: Path | None) -> Iterator[tuple[Head, int | None]]:
    """Look up the head, and with it how long the file is at that moment; no checkpoint is made meanwhile."""
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
            yield Head(*row), size
    finally:
        if locked and not connection.closed:
            connection.execute(_SQL.unlock, (LOCK,))
