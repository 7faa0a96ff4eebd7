"""Sealing and opening what must not be readable in the database: AES-256-GCM, with keys that are outside it."""

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.events import Personal
from ledger.keys import KeyMissing, Keys, PersonErased

_NONCE_BYTES = 12


class Vault:
    """Seals and opens: personal data with keys of the person, secrets and signatures with keys of the server."""

    def __init__(self, keys: Keys, nonce: Callable[[], bytes] = lambda: os.urandom(_NONCE_BYTES)) -> None:
        """Work with a folder of keys; `nonce` draws 12 bytes."""
        self.keys = keys
        self.nonce = nonce

    def personal(self, subject: UUID, purpose: str, value: dict[str, str]) -> Personal:
        """Return personal data with a nonce drawn for it.

        Its key is made here, where none is yet: sealing happens under the ledger's lock, and must not wait for a disk.
        """
        self.keys.of_person(subject, purpose, make=True)
        return Personal(subject, purpose, self.nonce(), value)

    def seal_person(self, personal: Personal) -> dict[str, str]:
        """Return what stands in the stored bytes in place of personal data.

        What was opened goes back as it was. Raises PersonErased for a new value whose key is not there: it was
        destroyed since the value was drawn, and must not come back.
        """
        sealed = personal.sealed
        if not sealed and personal.value is not None:
            key = self.keys.of_person(personal.subject, personal.purpose, make=False)
            if key is None:
                raise PersonErased("Somebody whom this names was erased meanwhile; nothing was recorded.")
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

    def authenticate(self, data: bytes) -> str:
        """Return an HMAC under the key of signatures: the database alone can't make one."""
        return hmac.new(self.keys.secret("signature"), data, sha256).hexdigest()


def _context(subject: UUID, purpose: str) -> bytes:
    return f"{subject}/{purpose}".encode()
