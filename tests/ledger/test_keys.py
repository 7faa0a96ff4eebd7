"""Keys in files, and what is sealed with them."""

import multiprocessing
import stat
from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.keys import KeyMissing, Keys
from ledger.vault import Vault


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_a_key_is_made_once_and_only_its_owner_reads_it(folder: Path) -> None:
    """A key stays the same over restarts, in a file of mode 0600 in a folder of mode 0700; no draft is left behind."""
    key = Keys(folder).secret("data")
    assert len(key) == 32
    assert Keys(folder).secret("data") == key
    assert Keys(folder).secret("other") != key
    assert sorted(path.name for path in folder.iterdir()) == ["data.key", "other.key"]
    assert stat.S_IMODE((folder / "data.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_person_key_is_private_too(folder: Path) -> None:
    """Keys of persons lie in a folder of their own, as private as the others."""
    subject = uuid4()
    assert Keys(folder).of_person(subject, "name", make=False) is None
    key = Keys(folder).of_person(subject, "name", make=True)
    assert Keys(folder).of_person(subject, "name", make=False) == key
    assert stat.S_IMODE((folder / "persons" / f"{subject}.name.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "persons").stat().st_mode) == 0o700


def make_key(folder: Path, gate: Any, result: Any) -> None:
    gate.wait()
    result.put(Keys(folder).secret("data"))


@pytest.mark.long
def test_processes_that_make_the_same_key_get_the_same(folder: Path) -> None:
    """Whoever comes second takes the key of who came first."""
    context = multiprocessing.get_context("spawn")
    gate, result = context.Barrier(3), context.Queue()
    makers = [context.Process(target=make_key, args=(folder, gate, result)) for _ in range(3)]
    for maker in makers:
        maker.start()
    keys = {result.get(timeout=60) for _ in makers}
    for maker in makers:
        maker.join()
    result.close()
    assert keys == {Keys(folder).secret("data")}


@pytest.mark.parametrize("content", [b"", b"short", b64encode(b"x" * 31)])
def test_a_file_that_holds_no_key_is_refused(folder: Path, content: bytes) -> None:
    """A key file that was cut or altered is never taken for a key, nor made anew."""
    folder.mkdir()
    (folder / "data.key").write_bytes(content)
    with pytest.raises(KeyMissing, match=r"data\.key"):
        Keys(folder).secret("data")


def test_verifiers_are_read_and_never_made(folder: Path) -> None:
    """Asking for the keys that verify makes none; a key that was renamed on its change still verifies."""
    keys = Keys(folder)
    assert keys.verifiers() == []
    first = keys.signer().public_key().public_bytes_raw()
    (folder / "checkpoint.key").rename(folder / "checkpoint-2026.key")
    second = Keys(folder).signer().public_key().public_bytes_raw()
    assert first != second
    assert [key.public_bytes_raw() for key in Keys(folder).verifiers()] == [first, second]


def test_the_signer_is_the_kept_key(folder: Path) -> None:
    """The key that signs is the file's, as a raw Ed25519 seed."""
    keys = Keys(folder)
    raw = Ed25519PrivateKey.from_private_bytes(keys.secret("checkpoint")).public_key().public_bytes_raw()
    assert keys.signer().public_key().public_bytes_raw() == raw


def test_sealed_opens_in_its_context_only(folder: Path) -> None:
    """What is sealed for one place opens there and nowhere else, and with no other key."""
    vault = Vault(Keys(folder))
    sealed = vault.seal(b"secret", "webhook/1")
    assert b"secret" not in sealed
    assert vault.open(sealed, "webhook/1") == b"secret"
    for other, context in ((vault, "webhook/2"), (Vault(Keys(folder / "other")), "webhook/1")):
        with pytest.raises(KeyMissing):
            other.open(sealed, context)


def test_sealed_twice_is_not_the_same(folder: Path) -> None:
    """Equal secrets do not show as equal."""
    vault = Vault(Keys(folder))
    assert vault.seal(b"secret", "x") != vault.seal(b"secret", "x")


@pytest.mark.parametrize("cut", [b"", b"short"])
def test_a_sealed_value_that_was_cut_is_refused(folder: Path, cut: bytes) -> None:
    """What was altered says so in our words."""
    with pytest.raises(KeyMissing):
        Vault(Keys(folder)).open(cut, "x")


def test_personal_data_opens_until_its_key_is_destroyed(folder: Path) -> None:
    """A destroyed key takes its data along at once, also in a process that has used it, and nobody else's."""
    vault, other = Vault(Keys(folder)), Vault(Keys(folder))
    mine = vault.personal(uuid4(), "name", {"first": "Ada"})
    theirs = vault.personal(uuid4(), "name", {"first": "Bob"})
    stored, kept = vault.seal_person(mine), vault.seal_person(theirs)
    assert other.open_person(stored) == mine
    (folder / "persons" / f"{mine.subject}.name.key").unlink()
    erased = vault.open_person(stored)
    assert erased.value is None
    assert erased.get("first", "erased") == "erased"
    assert vault.seal_person(erased) == stored
    assert other.open_person(kept) == theirs


def test_altered_personal_data_is_erased_not_fatal(folder: Path) -> None:
    """Bytes that no longer open are passed on as they are: the tree tells of them, and folding goes on."""
    vault = Vault(Keys(folder))
    stored = vault.seal_person(vault.personal(uuid4(), "name", {"first": "Ada"}))
    altered = {**stored, "sealed": b64encode(b"x" * 40).decode()}
    opened = vault.open_person(altered)
    assert opened.value is None
    assert vault.seal_person(opened) == altered


def test_who_verifies_needs_no_private_key(folder: Path, tmp_path: Path) -> None:
    """The public key is beside the private one, for everybody to read, and is all that an auditor needs."""
    public = Keys(folder).signer().public_key().public_bytes_raw()
    assert stat.S_IMODE((folder / "checkpoint.pub").stat().st_mode) & 0o600 == 0o600
    auditors = tmp_path / "auditor"
    auditors.mkdir()
    (folder / "checkpoint.pub").rename(auditors / "checkpoint.pub")
    assert [key.public_bytes_raw() for key in Keys(auditors).verifiers()] == [public]
    assert [key.public_bytes_raw() for key in Keys(folder).verifiers()] == [public]


def test_a_signing_key_that_was_lost_still_verifies(folder: Path) -> None:
    """What it signed is verified by its public key, also once another signs."""
    first = Keys(folder).signer().public_key().public_bytes_raw()
    (folder / "checkpoint.key").unlink()
    assert [key.public_bytes_raw() for key in Keys(folder).verifiers()] == [first]
    second = Keys(folder).signer().public_key().public_bytes_raw()
    assert {key.public_bytes_raw() for key in Keys(folder).verifiers()} == {first, second}


def test_a_persons_key_is_made_when_the_value_is_drawn(folder: Path) -> None:
    """Sealing makes no key, and does not bring back one that was destroyed meanwhile."""
    vault = Vault(Keys(folder))
    drawn = vault.personal(uuid4(), "name", {"first": "Ada"})
    key = folder / "persons" / f"{drawn.subject}.name.key"
    assert key.is_file()
    key.unlink()
    with pytest.raises(KeyMissing, match="was erased meanwhile"):
        vault.seal_person(drawn)
    assert not key.exists()


def test_folders_that_are_made_are_on_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is worth nothing where the name of its folder is lost."""
    synced: list[Path] = []
    monkeypatch.setattr("ledger.files.sync_folder", synced.append)
    Keys(folder).of_person(uuid4(), "name", make=True)
    assert synced == [folder.parent, folder]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
