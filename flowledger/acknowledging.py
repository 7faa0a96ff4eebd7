"""Acknowledging that a backup was restored: an event in the ledger, and a signed note in the file of checkpoints."""

import asyncio
import socket
from pathlib import Path

import psycopg
from msgspec import Struct

from api.user_facts import SYSTEM
from audit.restored import Restored, restored
from audit.verify import Progress
from domain.errors import Conflict
from domain.events import Attempt, Event, Source, stream_id
from domain.platform.forks import FORKS, KIND, ForkAcknowledged
from ledger.append import Allotment, Append, Plan, Proposed
from ledger.checkpoint import make_checkpoint, note_fork
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.rows import Row, row_hash
from ledger.vault import Vault
from ledger.writer import Writer

_BY_COMMAND = "acknowledged at the command line"


class NothingToAcknowledge(Exception):
    """Every signed checkpoint is over events that are there; or what is there is not an older copy; says which."""


class Acknowledged(Struct, frozen=True, kw_only=True):
    """A fork as it was acknowledged: the position of its event, and what was kept and abandoned."""

    position: int
    kept: int
    root: str
    covered: int
    abandoned: int
    first_abandoned: int
    last_abandoned: int
    digest: str


def look(url: str, keys: Keys, file: Path, progress: Progress = lambda done, total: None) -> Restored:
    """Return what was restored. Raises NothingToAcknowledge where that is nothing, or not an older copy of the ledger.

    Raises psycopg.Error and OSError where the database or the file can't be read.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        found = restored(connection, keys.verifiers(), file, progress)
    problems = found.report.problems
    if problems:
        at = "" if problems[0].position is None else f" at position {problems[0].position}"
        raise NothingToAcknowledge(
            f"Nothing was acknowledged: what is there is not an older copy of what was signed. Not whole{at}: "
            f"{problems[0].why} `flowledger audit verify` tells all."
        )
    if not found.abandoned:
        raise NothingToAcknowledge("There is nothing to acknowledge: the ledger holds every event that was signed.")
    if not found.covered:
        raise NothingToAcknowledge("Nothing was acknowledged: no signed checkpoint covers any of what is there.")
    return found


def acknowledge(url: str, keys: Keys, file: Path, found: Restored, reason: str) -> Acknowledged:
    """Record the fork, note it in the file, and sign the tree as it is then. Done again after a crash it goes on.

    Raises Conflict where an event was recorded since the ledger was looked at, InvalidInput without a reason,
    NoteError where the file changed meanwhile, psycopg.Error and OSError.
    """
    leaf = found.recorded or asyncio.run(_recorded(url, keys, found, reason))
    with psycopg.connect(url, autocommit=True) as connection:
        fork = note_fork(connection, keys, file, found.fork(leaf), found.lacking, found.last_note)
        make_checkpoint(connection, keys, file)
    return Acknowledged(
        position=fork.position,
        kept=fork.size,
        root=fork.root.hex(),
        covered=found.covered,
        abandoned=found.abandoned,
        first_abandoned=found.first_abandoned,
        last_abandoned=found.last_abandoned,
        digest=found.digest.hex(),
    )


async def _recorded(url: str, keys: Keys, found: Restored, reason: str) -> bytes:
    """Append the event, right behind what is kept; return its leaf hash."""
    codec, writer = Codec(Vault(keys)), Writer(lambda: connect(url, "acknowledge"))

    def plan(allotment: Allotment) -> Plan:
        if allotment.after != found.kept:
            raise Conflict("The ledger has grown since it was looked at: stop what writes to it, and ask again.")
        number = allotment.next(ForkAcknowledged.numbered["id"])
        event = _event(found, reason, number)
        proposed = Proposed(stream_id(KIND, number), 1, event.topic, codec.encode(event))
        row = Row(allotment.after + 1, *proposed, allotment.at)
        return Plan([proposed], result=row_hash(row))

    try:
        receipt = await writer.append(Append(plan))
    finally:
        await writer.close()
    leaf: bytes = receipt.result
    return leaf


def _event(found: Restored, reason: str, number: int) -> Event:
    attempt = Attempt(
        actor=SYSTEM, reason=reason.strip() or None, comment=_BY_COMMAND, source=Source(socket.gethostname())
    )
    data = {
        "id": number,
        "kept_size": found.kept,
        "kept_root": found.root.hex(),
        "covered": found.covered,
        "abandoned": found.abandoned,
        "first_abandoned": found.first_abandoned,
        "last_abandoned": found.last_abandoned,
        "digest": found.digest.hex(),
    }
    return FORKS.create(attempt, data)
