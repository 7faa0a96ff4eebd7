"""Signatures: bound to the very event that carries them."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from domain.events import Event, Personal, Signature, Source
from domain.quality.deviation_facts import Approved, Closed
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.vault import Vault

_CHANGES = {
    "actor": 9,
    "from_state": "OPEN",
    "to_state": "OPEN",
    "reason": "forged",
    "comment": "forged",
    "source": Source("198.51.100.1"),
    "request": "another",
}


@pytest.fixture
def codec(tmp_path: Path) -> Codec:
    return Codec(Vault(Keys(tmp_path / "keys")))


def signed(codec: Codec) -> Event:
    name = codec.vault.personal(uuid4(), "name", {"name": "Ada"})
    at = datetime(2026, 1, 2, tzinfo=UTC)
    signature = Signature(signer=7, name=name, meaning="approved", at=at, stream=uuid4(), version=3, digest="sha256:00")
    return codec.sealed(Closed(actor=7, from_state="APPROVED", to_state="CLOSED", signature=signature))


def stored(codec: Codec, event: Event) -> Event:
    back = codec.decode(event.topic, codec.encode(event))
    assert back is not None
    return back


def test_a_sealed_signature_holds_after_it_was_stored(codec: Codec) -> None:
    assert codec.holds(stored(codec, signed(codec)))


@pytest.mark.parametrize("field", _CHANGES)
def test_a_change_of_the_event_breaks_its_signature(codec: Codec, field: str) -> None:
    assert not codec.holds(stored(codec, replace(signed(codec), **{field: _CHANGES[field]})))


@pytest.mark.parametrize("field", ["signer", "name", "meaning", "at", "stream", "version", "digest", "seal"])
def test_a_change_of_the_signature_breaks_it(codec: Codec, field: str) -> None:
    event = signed(codec)
    signature = event.signature
    assert signature is not None
    other = {
        "signer": 8,
        "name": Personal(signature.name.subject, "name", signature.name.nonce, {"name": "Bob"}),
        "meaning": "read",
        "at": signature.at.replace(year=2025),
        "stream": uuid4(),
        "version": 4,
        "digest": "sha256:01",
        "seal": "0" * 64,
    }
    assert not codec.holds(replace(event, signature=replace(signature, **{field: other[field]})))


@pytest.mark.clause("11.70", negative=True)
def test_a_signature_does_not_hold_on_another_fact(codec: Codec) -> None:
    event = signed(codec)
    assert not codec.holds(
        Approved(actor=7, from_state=event.from_state, to_state=event.to_state, signature=event.signature)
    )


def test_a_signature_holds_when_its_name_is_erased(codec: Codec, tmp_path: Path) -> None:
    event = stored(codec, signed(codec))
    for key in (tmp_path / "keys" / "persons").glob("*.key"):
        key.unlink()
    erased = stored(codec, event)
    assert erased.signature is not None
    assert erased.signature.name.value is None
    assert codec.holds(erased)


@pytest.mark.clause("11.70", negative=True)
def test_another_server_key_gives_another_seal(codec: Codec, tmp_path: Path) -> None:
    event = signed(codec)
    (tmp_path / "keys" / "signature.key").unlink()
    assert not Codec(Vault(Keys(tmp_path / "keys"))).holds(event)


def test_an_event_that_is_not_signed_holds_nothing(codec: Codec) -> None:
    bare = Closed(actor=7, from_state="APPROVED", to_state="CLOSED")
    assert codec.sealed(bare) is bare
    assert not codec.holds(bare)
