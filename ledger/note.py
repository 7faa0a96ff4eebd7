"""Signed tree heads as text: the checkpoint of c2sp.org/tlog-checkpoint in a signed note of c2sp.org/signed-note.

A note is its text, an empty line, and signature lines. The text is three lines, each with its end: the origin, which
names the ledger; the size; the root in base64. We sign with one Ed25519 key under the origin's name.

A fork is told in the same form under the origin followed by `/fork`, which is the name of its signature too: size and
root of what was kept, and two extension lines, `event` and `abandoned`, each with a hash in base64.
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
_FORK = "/fork"
_HASH = "([A-Za-z0-9+/]{43}=)"
_FORKED = re.compile(rf"(\S+){_FORK}\n(0|[1-9][0-9]{{0,18}})\n{_HASH}\nevent {_HASH}\nabandoned {_HASH}\n")


class NoteError(ValueError):
    """A note that is not one, or that no key of ours has signed; says why."""


class Checkpoint(NamedTuple):
    """A tree head: `size` events of the ledger `origin` have this root. `note` is the whole signed text."""

    origin: str
    size: int
    root: bytes
    note: str


class Fork(NamedTuple):
    """An acknowledged fork: of the ledger `origin` the first `size` events, whose root is `root`, were kept.

    leaf: the leaf hash of the event that records it, the first of the new branch. abandoned: SHA-256 of the notes that
    were abandoned, as they stand in the file, each with the empty line after it. `note` is the whole signed text.
    """

    origin: str
    size: int
    root: bytes
    leaf: bytes
    abandoned: bytes
    note: str

    @property
    def position(self) -> int:
        """Return the position of the event that records it."""
        return self.size + 1


def origin_of(identity: UUID) -> str:
    """Return the name of a ledger, by the identity that its database drew when it was made."""
    return f"flowledger.dev/ledger/{identity}"


def key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """Return the four bytes by which a signature line tells which key made it."""
    return sha256(name.encode() + b"\n" + _ED25519 + key.public_bytes_raw()).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, key: Ed25519PublicKey) -> str:
    """Return a public key as c2sp.org/signed-note has it: name, key id in hex, and algorithm and key in base64."""
    return f"{name}+{key_id(name, key).hex()}+{_base64(_ED25519 + key.public_bytes_raw())}"


def sign(origin: str, size: int, root: bytes, key: Ed25519PrivateKey) -> Checkpoint:
    """Return the signed checkpoint of a tree."""
    return Checkpoint(origin, size, root, _signed(origin, f"{origin}\n{size}\n{_base64(root)}\n", key))


def sign_fork(fork: Fork, key: Ed25519PrivateKey) -> Fork:
    """Return a fork with its signed note."""
    name = f"{fork.origin}{_FORK}"
    hashes = f"event {_base64(fork.leaf)}\nabandoned {_base64(fork.abandoned)}\n"
    return fork._replace(note=_signed(name, f"{name}\n{fork.size}\n{_base64(fork.root)}\n{hashes}", key))


def tells_of_fork(note: str) -> bool:
    """Tell whether a note claims to be that of a fork, by its first line."""
    return note.partition("\n")[0].endswith(_FORK)


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
    _check_signed(note, checkpoint.origin, keys)
    return checkpoint


def verify_fork(note: str, keys: Iterable[Ed25519PublicKey]) -> Fork:
    """Return what the note of a fork says, signed by one of the keys. Raises NoteError as `verify_note` does."""
    text, _ = _split(note)
    match = _FORKED.fullmatch(text)
    if match is None:
        raise NoteError("the note is not that of a fork")
    origin, size, root, leaf, abandoned = match.groups()
    _check_signed(note, f"{origin}{_FORK}", keys)
    return Fork(origin, int(size), _decoded(root), _decoded(leaf), _decoded(abandoned), note)


def _signed(name: str, text: str, key: Ed25519PrivateKey) -> str:
    signature = _base64(key_id(name, key.public_key()) + key.sign(text.encode()))
    return f"{text}\n{_DASH}{name} {signature}\n"


def _check_signed(note: str, by: str, keys: Iterable[Ed25519PublicKey]) -> None:
    text, lines = _split(note)
    known = {key_id(by, key): key for key in keys}
    signed = False
    for line in lines:
        name, _, encoded = line.removeprefix(_DASH).rpartition(" ")
        claim = _decoded(encoded)
        key = known.get(claim[:_KEY_ID_BYTES])
        if name != by or key is None:
            continue
        try:
            key.verify(claim[_KEY_ID_BYTES:], text.encode())
        except InvalidSignature:
            raise NoteError("its signature is false") from None
        signed = True
    if not signed:
        raise NoteError("no key that is known here has signed it")


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
