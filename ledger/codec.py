"""Facts to the exact bytes that are stored, and back. Topics that are not ours decode to None."""

import hmac
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

import domain.catalogue  # noqa: F401 - importing it registers every fact
from domain.events import FACTS, Event, Personal, Recorded, Signature
from ledger.rows import Row
from ledger.vault import Vault

T = TypeVar("T")


class RecordCodec(Generic[T]):
    """Encodes and decodes records of one type."""

    def __init__(self, encoder: msgspec.json.Encoder, decoder: "msgspec.json.Decoder[T]") -> None:
        """Use an encoder and decoder that know personal data."""
        self.encode = encoder.encode
        self.decode = decoder.decode


class Codec:
    """Encodes and decodes events, sealing and opening personal data on the way."""

    def __init__(self, vault: Vault) -> None:
        """Prepare a decoder for every fact."""
        self.vault = vault
        self._encoder = msgspec.json.Encoder(enc_hook=self._seal)
        self._decoders = {topic: msgspec.json.Decoder(fact, dec_hook=self._open) for topic, fact in FACTS.items()}

    def encode(self, event: Event) -> bytes:
        """Return an event's bytes; `encode(decode(bytes)) == bytes`."""
        return self._encoder.encode(event)

    def decode(self, topic: str, state: bytes) -> Event | None:
        """Return the event of stored bytes, None where the topic is not ours.

        Raises msgspec.ValidationError where the bytes do not fit the topic: that is corruption, never skipped.
        """
        decoder = self._decoders.get(topic)
        return None if decoder is None else decoder.decode(state)

    def recorded(self, rows: Iterable[Row]) -> list[Recorded]:
        """Return the facts of rows, in their places; rows of topics that are not ours are passed over."""
        found = []
        for row in rows:
            event = self.decode(row.topic, row.state)
            if event is not None:
                found.append(Recorded(row.position, row.originator_id, row.originator_version, row.recorded_at, event))
        return found

    def sealed(self, event: Event) -> Event:
        """Return a signed event with its signature sealed; one that is not signed as it is."""
        if event.signature is None:
            return event
        return replace(event, signature=replace(event.signature, seal=self._seal_of(event, event.signature)))

    def holds(self, event: Event) -> bool:
        """Tell whether a signature is the actor's, and its seal that of this very event: nothing in it was altered."""
        signature = event.signature
        if signature is None or signature.signer != event.actor:
            return False
        return hmac.compare_digest(signature.seal, self._seal_of(event, signature))

    def _seal_of(self, event: Event, signature: Signature) -> str:
        # Over the topic and every byte that is stored, but for the seal: a signature fits no other event.
        bare = replace(event, signature=replace(signature, seal=""))
        return self.vault.authenticate(event.topic.encode() + b"\n" + self.encode(bare))

    def record(self, record: type[T]) -> "RecordCodec[T]":
        """Return a codec for folded records: personal data in them is sealed too."""
        return RecordCodec(self._encoder, msgspec.json.Decoder(record, dec_hook=self._open))

    def _seal(self, value: Any) -> Any:
        if isinstance(value, Personal):
            return self.vault.seal_person(value)
        raise NotImplementedError(f"facts hold no {type(value).__name__}")

    def _open(self, expected: type, value: Any) -> Any:
        if expected is Personal:
            return self.vault.open_person(value)
        raise NotImplementedError(f"facts hold no {expected.__name__}")
