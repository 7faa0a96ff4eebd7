"""Proofs made without a database, and the verifier as those run it who have nothing of ours."""

import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import verifier
from audit.bundle import bundle_document, consistency_document
from audit.checkpoints import Signed
from audit.verifier import Event
from ledger.merkle import Tree, leaf_hash
from ledger.note import origin_of, sign, verifier_key
from ledger.proofs import Part, consistency, fold, inclusion, levels
from ledger.rows import Row

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
#: As `checkpoint.pub` holds it.
PUBLIC = b64encode(KEY.public_key().public_bytes_raw()).decode()
ORIGIN = origin_of(UUID(int=1))
STREAM = UUID("c0ffee00-0000-4000-8000-00000000beef")
RECORDED_AT = 1_767_605_400_123_456


def event(position: int, version: int, state: bytes = b"{}", topic: str = "test.happened") -> Event:
    """Return an event."""
    return Event(position, version, topic, RECORDED_AT + position, state)


def bundle_of(events: Sequence[Event], size: int) -> dict[str, Any]:
    """Return the proof of events of one stream in a ledger of so many events, the others of which are anything."""
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    for one in events:
        leaves[one.position - 1] = verifier.leaf_hash(STREAM, one)
    rows = [Row(it.position, STREAM, it.version, it.topic, it.state, moment(it.recorded_at)) for it in events]
    parts = [part for one in events for part in inclusion(one.position - 1, size)]
    return bundle_document(_signed(leaves), STREAM, rows, _hashes(leaves, parts))


def consistency_of(first: int, second: int) -> dict[str, Any]:
    """Return the proof that a ledger of so many events began that of so many."""
    leaves = [leaf_hash(b"%d" % number) for number in range(second)]
    hashes = _hashes(leaves, consistency(first, second))
    return consistency_document(_signed(leaves[:first]), _signed(leaves), hashes)


def moment(microseconds: int) -> datetime:
    """Return a moment by its microseconds since 1970 UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def verify(folder: Path, proof: bytes, *more: str) -> subprocess.CompletedProcess[str]:
    """Check a proof as an inspector does: the one file, alone in a folder, in a Python that sees nothing else of ours.

    `-I` leaves out the folder, the user's packages and the environment.
    """
    folder.mkdir(exist_ok=True)
    program = Path(shutil.copy(verifier.__file__, folder))
    (folder / "proof.json").write_bytes(proof)
    return subprocess.run(
        [sys.executable, "-I", str(program), "proof.json", *more],
        cwd=folder,
        env={"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )


def _signed(leaves: list[bytes]) -> Signed:
    tree = Tree()
    tree.extend(leaves)
    checkpoint = sign(ORIGIN, tree.size, tree.root(), KEY)
    return Signed(*checkpoint, verifier_key(ORIGIN, KEY.public_key()))


def _hashes(leaves: list[bytes], parts: Sequence[Part]) -> dict[Part, bytes]:
    made = levels(leaves)
    return {part: fold([made[node.level][node.number] for node in part]) for part in parts}
