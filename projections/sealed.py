"""Folding without opening: a view needs nobody's name to be made, only to be shown."""

import os
from base64 import b64decode
from pathlib import Path
from uuid import UUID

from domain.events import Personal
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.vault import Vault


class _Unopened(Vault):
    def open_person(self, stored: dict[str, str]) -> Personal:
        nonce, sealed = b64decode(stored["nonce"]), b64decode(stored["sealed"])
        return Personal(UUID(stored["subject"]), stored["purpose"], nonce, None, sealed)


def keyless() -> Codec:
    """Return a sealed codec where no keys are at hand; whatever needed one would fail."""
    return Codec(_Unopened(Keys(Path(os.devnull))))


def sealed(codec: Codec) -> Codec:
    """Return a codec that leaves personal data as stored: every value is None, and encodes to the bytes it came from.

    So a fold needs no key, costs no decryption, and never seals again what was erased meanwhile.
    """
    return Codec(_Unopened(codec.vault.keys, codec.vault.nonce))
