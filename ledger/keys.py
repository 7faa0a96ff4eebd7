"""Keys are files outside the database, mode 0600: made on first use, read once, never logged.

What they seal: `ledger/vault.py`. Losing `names.key` loses sign-in by name, not the names; losing `data.key` loses kept
secrets; losing a person's key is erasing that person; losing `signature.key` loses the power to check signatures, and
losing `checkpoint.key` the power to sign tree heads: `checkpoint.pub` goes on verifying them. None loses the record.
"""

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import Conflict
from ledger.files import make_folder, sync_folder

_KEY_BYTES = 32
_CHECKPOINT = "checkpoint"

log = structlog.get_logger(__name__)


class KeyMissing(Exception):
    """A key that must be there is not: the folder of keys is not the one that made these data."""


class PersonErased(KeyMissing, Conflict):
    """Somebody's key was destroyed while something new about him was on its way in: nothing was recorded."""


class Keys:
    """The folder of keys. Safe to use from several processes: a key is made once, whoever comes first."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made when the first key is."""
        self._folder = folder
        self._known: dict[str, bytes] = {}
        self._published: bytes | None = None

    def secret(self, name: str) -> bytes:
        """Return a key of 32 random bytes by its name, made on first use."""
        key = self._known.get(name)
        if key is None:
            key = self._read(name) or self._make(name)
            self._known[name] = key
        return key

    def signer(self) -> Ed25519PrivateKey:
        """Return the key that signs tree heads; made with its public key beside it on first use."""
        key = Ed25519PrivateKey.from_private_bytes(self.secret(_CHECKPOINT))
        self._publish(key.public_key().public_bytes_raw())
        return key

    def verifiers(self) -> list[Ed25519PublicKey]:
        """Return the keys that verify tree heads; none is made where there is none.

        They are `checkpoint.pub` and each `checkpoint-….pub`: keys that signed before the last change. A private key is
        read only where it has no public one of its name beside it.
        """
        public = {path.stem: self._read_file(path) for path in sorted(self._folder.glob(f"{_CHECKPOINT}*.pub"))}
        for path in sorted(self._folder.glob(f"{_CHECKPOINT}*.key")):
            if path.stem not in public and (secret := self._read(path.stem)) is not None:
                public[path.stem] = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        return [Ed25519PublicKey.from_public_bytes(raw) for raw in dict.fromkeys(public.values()) if raw is not None]

    def of_person(self, subject: UUID, purpose: str, *, make: bool) -> bytes | None:
        """Return a person's key for a purpose (`name`, `contact`); None once destroyed. Made only where `make`."""
        name = f"persons/{subject}.{purpose}"
        # Asked of the folder each time: a key that is destroyed must be gone at once, in every process.
        return self._read(name) or (self._make(name) if make else None)

    def destroy(self, people: Mapping[UUID, Collection[str]]) -> int:
        """Destroy every key of people, but for the purposes that are kept of each; return how many files there were.

        They are gone for good, power cuts included, on return. Doing it again is a no-op. One listing of the folder,
        which finds what a crash left of a key that was being made, too.
        """
        folder = self._folder / "persons"
        kept = {str(subject): purposes for subject, purposes in people.items()}
        doomed = [path for path in _files_in(folder) if _is_doomed(path.name, kept)]
        for path in doomed:
            path.unlink(missing_ok=True)
        if doomed:
            sync_folder(folder)
        return len(doomed)

    def name_hash(self, folded: str) -> bytes:
        """Return the keyed hash under which a user name is remembered."""
        return hmac.digest(self.secret("names"), folded.encode(), "sha256")

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.key"

    def _read(self, name: str) -> bytes | None:
        return self._read_file(self._path(name))

    def _read_file(self, path: Path) -> bytes | None:
        try:
            key = b64decode(path.read_bytes(), validate=True)
        except FileNotFoundError:
            return None
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise KeyMissing(f"{path} does not hold a key of {_KEY_BYTES} bytes.")
        return key

    def _publish(self, public: bytes) -> None:
        """Keep the public key beside the private one; the one before it, if any, goes on verifying."""
        if self._published == public:
            return
        path, before = self._folder / f"{_CHECKPOINT}.pub", None
        try:
            with suppress(KeyMissing):
                before = self._read_file(path)
            if before is not None and before != public:
                former = path.with_stem(f"{_CHECKPOINT}-{sha256(before).hexdigest()[:8]}")
                _replace(former, before)
            if before != public:
                _replace(path, public)
        except OSError as error:  # A folder that may only be read: the key signs all the same.
            log.warning("public_key_not_written", error=str(error))
        self._published = public

    def _make(self, name: str) -> bytes:
        path = self._path(name)
        for folder in (self._folder, path.parent):
            make_folder(folder, 0o700)
        draft = _draft(path, os.urandom(_KEY_BYTES), 0o600)
        try:
            os.link(draft, path)  # Fails where another process was first: its key is the key.
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        sync_folder(path.parent)
        key = self._read(name)
        if key is None:
            raise KeyMissing(f"{path} was made and is gone.")
        return key


def _files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _is_doomed(name: str, kept: Mapping[str, Collection[str]]) -> bool:
    """Tell whether a file `<subject>.<purpose>.key`, or a draft of one, is of one of the people, and not kept."""
    subject, _, rest = name.partition(".")
    return subject in kept and rest.partition(".")[0] not in kept[subject]


def _draft(path: Path, key: bytes, mode: int) -> Path:
    """Return a new file beside a path that holds a key, on the disk."""
    draft = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b64encode(key))
        file.flush()
        os.fsync(file.fileno())
    return draft


def _replace(path: Path, public: bytes) -> None:
    _draft(path, public, 0o644).replace(path)
    sync_folder(path.parent)
