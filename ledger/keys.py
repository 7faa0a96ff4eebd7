"""Keys are files outside the database, mode 0600: made on first use, read once, never logged.

What is sealed is AES-256-GCM. Losing `names.key` or `data.key` loses user names or kept secrets; losing a person's key
is erasing that person; losing `checkpoint.key` or `signature.key` loses the power to sign and verify, not the record.
"""

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.events import Personal, Signature

_KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyMissing(Exception):
    """A key that must be there is not: the folder of keys is not the one that made these data."""


class Keys:
    """The folder of keys. Safe to use from several processes: a key is made once, whoever comes first."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made when the first key is."""
        self._folder = folder
        self._known: dict[str, bytes] = {}

    def secret(self, name: str) -> bytes:
        """Return a key of 32 random bytes by its name, made on first use."""
        key = self._known.get(name)
        if key is None:
            key = self._read(name) or self._make(name)
            self._known[name] = key
        return key

    def signer(self) -> Ed25519PrivateKey:
        """Return the key that signs tree heads."""
        return Ed25519PrivateKey.from_private_bytes(self.secret("checkpoint"))

    def verifiers(self) -> list[Ed25519PublicKey]:
        """Return the keys that verify tree heads; none is made where there is none.

        They are `checkpoint.key`, and `checkpoint-….key`: what that file was renamed to when the key was changed.
        """
        names = [path.stem for path in sorted(self._folder.glob("checkpoint*.key"))]
        secrets = [key for name in names if (key := self._read(name)) is not None]
        return [Ed25519PrivateKey.from_private_bytes(secret).public_key() for secret in secrets]

    def of_person(self, subject: UUID, purpose: str, *, make: bool) -> bytes | None:
        """Return a person's key for a purpose (`name`, `contact`); None once destroyed. Made only where `make`."""
        name = f"persons/{subject}.{purpose}"
        # Asked of the folder each time: a key that is destroyed must be gone at once, in every process.
        return self._read(name) or (self._make(name) if make else None)

    def name_hash(self, folded: str) -> bytes:
        """Return the keyed hash under which a user name is remembered."""
        return hmac.digest(self.secret("names"), folded.encode(), "sha256")

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.key"

    def _read(self, name: str) -> bytes | None:
        try:
            key = b64decode(self._path(name).read_bytes(), validate=True)
        except FileNotFoundError:
            return None
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise KeyMissing(f"{self._path(name)} does not hold a key of {_KEY_BYTES} bytes.")
        return key

    def _make(self, name: str) -> bytes:
        path = self._path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b64encode(os.urandom(_KEY_BYTES)))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # Fails where another process was first: its key is the key.
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        _sync_folder(path.parent)
        key = self._read(name)
        if key is None:
            raise KeyMissing(f"{path} was made and is gone.")
        return key


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Vault:
    """Seals and opens: personal data with keys of the person, secrets and signatures with keys of the server."""

    def __init__(self, keys: Keys, nonce: Callable[[], bytes] = lambda: os.urandom(_NONCE_BYTES)) -> None:
        """Work with a folder of keys; `nonce` draws 12 bytes."""
        self.keys = keys
        self.nonce = nonce

    def personal(self, subject: UUID, purpose: str, value: dict[str, str]) -> Personal:
        """Return personal data with a nonce drawn for it."""
        return Personal(subject, purpose, self.nonce(), value)

    def seal_person(self, personal: Personal) -> dict[str, str]:
        """Return what stands in the stored bytes in place of personal data.

        What was opened goes back as it was: sealing it again could bring back the key of somebody erased meanwhile.
        """
        sealed = personal.sealed
        if not sealed and personal.value is not None:
            key = self.keys.of_person(personal.subject, personal.purpose, make=True)
            assert key is not None  # noqa: S101 - it has just been made
            plain = msgspec.json.encode(personal.value, order="deterministic")
            sealed = AESGCM(key).encrypt(personal.nonce, plain, _context(personal.subject, personal.purpose))
        return {
            "subject": str(personal.subject),
            "purpose": personal.purpose,
            "nonce": b64encode(personal.nonce).decode(),
            "sealed": b64encode(sealed).decode(),
        }

    def open_person(self, stored: dict[str, str]) -> Personal:
        """Return personal data as stored: readable while its key is there, erased after."""
        subject, purpose = UUID(stored["subject"]), stored["purpose"]
        nonce, sealed = b64decode(stored["nonce"]), b64decode(stored["sealed"])
        key = self.keys.of_person(subject, purpose, make=False)
        if key is None:
            return Personal(subject, purpose, nonce, None, sealed)
        try:
            plain = AESGCM(key).decrypt(nonce, sealed, _context(subject, purpose))
        except (InvalidTag, ValueError):  # Altered bytes: the tree says so; folding goes on with what is left.
            return Personal(subject, purpose, nonce, None, sealed)
        return Personal(subject, purpose, nonce, msgspec.json.decode(plain, type=dict[str, str]), sealed)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Return bytes sealed with the server's key for data at rest; they open only in the same context."""
        nonce = self.nonce()
        return nonce + AESGCM(self.keys.secret("data")).encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Return what was sealed. Raises KeyMissing where it was sealed with another key, or altered."""
        try:
            return AESGCM(self.keys.secret("data")).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()
            )
        except (InvalidTag, ValueError) as altered:
            raise KeyMissing(f"{context}: sealed with another key, or altered.") from altered

    def seal_of(self, signature: Signature) -> str:
        """Return the seal that a signature must carry: an HMAC over everything else in it, names as stored."""
        name = self.seal_person(signature.name)
        covered = (
            signature.signer,
            name,
            signature.meaning,
            signature.at,
            str(signature.stream),
            signature.version,
            signature.digest,
        )
        text = msgspec.json.encode(covered, order="deterministic")
        return hmac.new(self.keys.secret("signature"), text, sha256).hexdigest()


def _context(subject: UUID, purpose: str) -> bytes:
    return f"{subject}/{purpose}".encode()
