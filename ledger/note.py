"""Signed tree heads as text: the checkpoint of c2sp.org/tlog-checkpoint in a signed note of c2sp.org/signed-note.

A note is its text, an empty line, and signature lines. The text is three lines, each with its end: the origin, which
names the ledger; the size; the root in base64. We sign with one Ed25519 key under the origin's name.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
#: Origin, size without leading zeros, and 32 bytes of base64.
_CHECKPOINT = re.compile(r"(\S+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n")
_DASH = "\u2014 "


class NoteError(ValueError):
    """A note that is not one, or that no key of ours has signed; says why."""


class Checkpoint(NamedTuple):
    """A tree head: `size` events of the ledger `origin` have this root. `note` is the whole signed text."""

    origin: str
    size: int
    root: bytes
    note: str


def origin_of(identity: UUID) -> str:
    """Return the name of a ledger, by the identity that its database drew when it was made."""
    return f"flowledger.dev/ledger/{identity}"


def key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """Return the four bytes by which a signature line tells which key made it."""
    return sha256(name.encode() + b"\n" + _ED25519 + key.public_bytes_raw()).digest()[:_KEY_ID_BYTES]


def sign(origin: str, size: int, root: bytes, key: Ed25519PrivateKey) -> Checkpoint:
    """Return the signed checkpoint of a tree."""
    text = f"{origin}\n{size}\n{_base64(root)}\n"
    signature = _base64(key_id(origin, key.public_key()) + key.sign(text.encode()))
    return Checkpoint(origin, size, root, f"{text}\n{_DASH}{origin} {signature}\n")


def parse_note(note: str) -> Checkpoint:
    """Return what a note says, whoever signed it. Raises NoteError where it is not a checkpoint."""
    text, _ = _split(note)
    match = _CHECKPOINT.fullmatch(text)
    if match is None:
        raise NoteError("the note is not a checkpoint of ours")
    origin, size, root = match.groups()
    return Checkpoint(origin, int(size), _decoded(root), note)


def verify_note(note: str, keys: Iterable[Ed25519PublicKey]) -> Checkpoint:
    """Return what a note says, signed under its origin's name by one of the keys.

    Raises NoteError where it is not a checkpoint, where none of the keys has signed it, and where a signature that
    claims to be of one of the keys is not. Signatures of others are passed over, as the standard has it.
    """
    checkpoint = parse_note(note)
    text, lines = _split(note)
    known = {key_id(checkpoint.origin, key): key for key in keys}
    signed = False
    for line in lines:
        name, _, encoded = line.removeprefix(_DASH).rpartition(" ")
        claim = _decoded(encoded)
        key = known.get(claim[:_KEY_ID_BYTES])
        if name != checkpoint.origin or key is None:
            continue
        try:
            key.verify(claim[_KEY_ID_BYTES:], text.encode())
        except InvalidSignature:
            raise NoteError("its signature is false") from None
        signed = True
    if not signed:
        raise NoteError("no key that is known here has signed it")
    return checkpoint


def _split(note: str) -> tuple[str, list[str]]:
    """Return a note's text and its signature lines."""
    head, empty, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not empty or lines.pop() != "" or not lines or not all(line.startswith(_DASH) for line in lines):
        raise NoteError("the text is not a signed note")
    return f"{head}\n", lines


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _decoded(text: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise NoteError("the note holds what is not base64") from None
    if _base64(data) != text:  # One way to write it only, so that no bit of a note can change unseen.
        raise NoteError("the note holds base64 that is not canonical")
    return data
