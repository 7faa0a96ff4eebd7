"""What was restored: whether the ledger is an older copy of what was signed, whole, and what a fork would abandon.

Nothing is taken on trust: the ledger is verified as it would be with the fork's note in the file already. So only what
was lost is acknowledged away, never what was altered.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct
from psycopg import Connection

from audit.branches import Abandoned, Branches
from audit.heads import SignedHeads
from audit.report import Findings, Report
from audit.verify import Progress, frozen, walked
from domain.platform.forks import ForkAcknowledged
from ledger.note import Checkpoint, Fork, origin_of
from ledger.notefile import NoteFile
from ledger.queries import queries
from ledger.rows import Row, row_hash

_SQL = queries("audit", "verify")
_HASH_BYTES = 32


class Restored(Struct, frozen=True, kw_only=True):
    """A ledger beside the file of checkpoints that tells of more.

    report: of verifying it as if the fork had its note. kept: how many events there are, without the one that records
    the fork where a crash left it without a note (`recorded`). covered: how many of them a checkpoint covers.
    abandoned: how many checkpoints tell of more, the first of first_abandoned events and the last of last_abandoned;
    digest: the hash of their notes. lacking: checkpoints over what is kept that only the file has. last_note: the
    file's.
    """

    report: Report
    origin: str
    kept: int
    root: bytes
    covered: int
    recorded: bytes | None
    abandoned: int
    first_abandoned: int
    last_abandoned: int
    digest: bytes
    lacking: Sequence[Checkpoint]
    last_note: str

    def fork(self, leaf: bytes) -> Fork:
        """Return the fork, not signed yet, by the leaf hash of the event that records it."""
        return Fork(self.origin, self.kept, self.root, leaf, self.digest, "")


def restored(
    connection: Connection[Any],
    keys: Sequence[Ed25519PublicKey],
    file: Path,
    progress: Progress = lambda done, total: None,
) -> Restored:
    """Look at the ledger as at one that was restored. Raises as `verify` does; FileNotFoundError without the file."""
    begun = time.perf_counter()
    with frozen(connection, file) as (head, size):
        if size is None:
            raise FileNotFoundError(f"The file of checkpoints, {file}, is not there.")
        findings, origin = Findings(), origin_of(head.identity)
        pending = _pending(connection, origin, {it.position for it in _told(file, size, origin, keys)})
        proposed = pending or Fork(origin, head.size, b"", b"", b"", "")
        outside = Branches(NoteFile(file), size, origin, keys, findings, proposed)
        signed = SignedHeads(connection, outside, origin, keys, findings, restored=True)
        walk = walked(connection, head, signed, findings, progress)
        left = outside.abandoned
        if pending is not None:
            _judge_pending(pending, left, head.size, findings)
        return Restored(
            report=walk.report(begun),
            origin=origin,
            kept=proposed.size,
            root=pending.root if pending else walk.tree.root(),
            covered=walk.good,
            recorded=pending.leaf if pending else None,
            abandoned=left.count,
            first_abandoned=left.first,
            last_abandoned=left.last,
            digest=left.digest(),
            lacking=signed.lacking,
            last_note=outside.last_note,
        )


def _judge_pending(pending: Fork, left: Abandoned, size: int, findings: Findings) -> None:
    if pending.abandoned != left.digest():
        why = f"Event {pending.position} acknowledges a fork that abandons other checkpoints than the file has."
        findings.add(pending.position, why)
    elif pending.position < size >= left.first > 0:
        why = f"The checkpoint over {left.first} events does not fit, and the ledger has grown past it."
        findings.add(pending.position, why)


def _told(file: Path, size: int, origin: str, keys: Sequence[Ed25519PublicKey]) -> list[Fork]:
    return Branches(NoteFile(file), size, origin, keys, Findings()).forks


def _pending(connection: Connection[Any], origin: str, told: set[int]) -> Fork | None:
    """Return the fork that the last such event records, where the file does not tell of it: a crash came between."""
    found = connection.execute(_SQL.last_of, (ForkAcknowledged.topic,), binary=True).fetchone()
    row = Row(*found) if found else None
    if row is None or row.position in told:
        return None
    try:
        event = msgspec.json.decode(row.state, type=_Said)
        fork = Fork(
            origin, event.kept_size, bytes.fromhex(event.kept_root), row_hash(row), bytes.fromhex(event.digest), ""
        )
    except (msgspec.DecodeError, ValueError):
        return None
    whole = len(fork.root) == len(fork.abandoned) == _HASH_BYTES
    return fork if whole and fork.position == row.position else None


class _Said(Struct, frozen=True):
    """Of the event what the note repeats."""

    kept_size: int
    kept_root: str
    digest: str
