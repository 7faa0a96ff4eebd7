"""Proofs that leave the house: one record's events under a signed tree head, and one tree head under another.

Byte for byte: docs/reference/proof-bundle.md. What goes out has been checked by the very code that the other side runs
(`audit/verifier.py`). Memory: that of the record's events and their proofs, which are log2 n hashes an event.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from audit import checkpoints, verifier
from audit.checkpoints import Kept, Signed
from ledger import proofs
from ledger.keys import Keys
from ledger.proofs import Part
from ledger.read import LedgerDamaged, read_stream
from ledger.rows import Row, microseconds
from ledger.subtrees import Subtrees

_VERIFY = "`flowledger audit verify` tells more"

#: Signs the tree as it is, so that the newest checkpoint covers every event that there is.
Sign = Callable[[], Awaitable[None]]


class ProofRefused(Exception):
    """There is no proof to be given: what is stored does not lead to what was signed, or nothing was signed yet."""


async def bundle(
    connection: AsyncConnection[Any],
    keys: Keys,
    stream: UUID,
    *,
    sign: Sign | None = None,
    subtrees: Subtrees | None = None,
) -> bytes:
    """Return a stream's events, each with its inclusion proof, under the newest checkpoint: canonical JSON.

    It holds every event of the stream that the checkpoint covers. Where that is not its last one, `sign` is called
    first; what is appended meanwhile may be left out. subtrees: what is known of the ledger's tree already, so that a
    large one is not hashed anew. Raises LookupError for a stream that is not there, ProofRefused where the events, the
    stored tree and the signed root do not agree, and where no checkpoint covers its last event.
    """
    checkpoint, rows = await _covered(connection, keys, stream, sign)
    known = subtrees or Subtrees()
    parts = (part for row in rows for part in proofs.inclusion(row.position - 1, checkpoint.size))
    hashes = await _hashes(connection, known, checkpoint.size, parts)
    return await asyncio.to_thread(_checked, bundle_document(checkpoint, stream, rows, hashes), known)


async def consistency(
    connection: AsyncConnection[Any],
    keys: Keys,
    first: int | None = None,
    second: int | None = None,
    *,
    subtrees: Subtrees | None = None,
) -> bytes:
    """Return the proof that one signed tree is the beginning of another, both by size: canonical JSON.

    Without sizes: the oldest, and the newest. Raises LookupError where no checkpoint is of that size, ValueError where
    the first is the larger one, ProofRefused where the stored tree does not lead to both roots.
    """
    former = _signed(await _chosen(connection, keys, first, checkpoints.oldest))
    latter = _signed(await _chosen(connection, keys, second, checkpoints.newest))
    if former.size > latter.size:
        raise ValueError(f"The first checkpoint, over {former.size} events, covers more than the second.")
    known = subtrees or Subtrees()
    hashes = await _hashes(connection, known, latter.size, proofs.consistency(former.size, latter.size))
    return await asyncio.to_thread(_checked, consistency_document(former, latter, hashes), known)


def bundle_document(
    checkpoint: Signed, stream: UUID, rows: Sequence[Row], hashes: Mapping[Part, bytes]
) -> dict[str, Any]:
    """Return a bundle before it is written; `hashes` holds those of every part of the rows' inclusion proofs."""
    events = [_event(row, proofs.inclusion(row.position - 1, checkpoint.size), hashes) for row in rows]
    return {"format": verifier.BUNDLE, **_side(checkpoint), "stream": str(stream), "events": events}


def consistency_document(first: Signed, second: Signed, hashes: Mapping[Part, bytes]) -> dict[str, Any]:
    """Return a proof of consistency before it is written; `hashes` holds those of its parts."""
    path = [_base64(hashes[part]) for part in proofs.consistency(first.size, second.size)]
    return {"format": verifier.CONSISTENCY, "first": _side(first), "second": _side(second), "proof": path}


def written(document: dict[str, Any]) -> bytes:
    """Return a document as RFC 8785 has it."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


async def _covered(
    connection: AsyncConnection[Any], keys: Keys, stream: UUID, sign: Sign | None
) -> tuple[Signed, Sequence[Row]]:
    """Return the newest checkpoint, and all events of the stream that it covers, the last one of this moment too."""
    rows = await read_stream(connection, stream)
    if not rows:
        raise LookupError(f"There is no stream {stream}.")
    least = rows[-1].position
    kept = await checkpoints.newest(connection, keys)
    if sign is not None and (kept is None or kept.size < least):
        await sign()
        kept = await checkpoints.newest(connection, keys)
    if kept is None or kept.size < least:
        made = "`flowledger audit checkpoint` makes one"
        raise ProofRefused(f"No good checkpoint covers these events yet: {made}; {_VERIFY}.")
    # Read after the checkpoint: whatever that covers is there by now.
    rows = await read_stream(connection, stream)
    return _signed(kept), [row for row in rows if row.position <= kept.size]


async def _chosen(
    connection: AsyncConnection[Any],
    keys: Keys,
    size: int | None,
    otherwise: Callable[[AsyncConnection[Any], Keys], Awaitable[Kept | None]],
) -> Kept:
    kept = await (otherwise(connection, keys) if size is None else checkpoints.of_size(connection, keys, size))
    if kept is None:
        raise LookupError("There is no checkpoint yet." if size is None else f"No checkpoint covers {size} events.")
    return kept


def _signed(kept: Kept) -> Signed:
    if kept.signed is None:
        raise ProofRefused(f"The checkpoint over {kept.size} events is signed by no key that is known here; {_VERIFY}.")
    return kept.signed


async def _hashes(
    connection: AsyncConnection[Any], subtrees: Subtrees, size: int, parts: Iterable[Part]
) -> dict[Part, bytes]:
    try:
        return await subtrees.hashes(connection, size, parts)
    except LedgerDamaged as damaged:
        raise ProofRefused(f"There is no proof to be given: {damaged}; {_VERIFY}.") from damaged


def _event(row: Row, path: Sequence[Part], hashes: Mapping[Part, bytes]) -> dict[str, Any]:
    return {
        "position": row.position,
        "version": row.originator_version,
        "topic": row.topic,
        "recorded_at": microseconds(row.recorded_at),
        "state": _base64(row.state),
        "proof": [_base64(hashes[part]) for part in path],
    }


def _checked(document: dict[str, Any], subtrees: Subtrees) -> bytes:
    """Return a proof as it goes out. Raises ProofRefused where it does not hold."""
    data = written(document)
    try:
        verifier.check(data)
    except verifier.Refused as refused:
        subtrees.forget()  # It may be what was known that is wrong, and what is stored right again.
        raise ProofRefused(f"There is no proof to be given, {refused}; {_VERIFY}.") from refused
    return data


def _side(signed: Signed) -> dict[str, str]:
    return {"checkpoint": signed.note, "key": signed.key}


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
