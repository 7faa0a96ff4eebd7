"""Signed notes are those of C2SP: held to the example that its Go library prints."""

from base64 import b64decode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.verifier import Trusted, read_key
from ledger.note import key_id, verifier_key

#: From the documentation of golang.org/x/mod/sumdb/note.
_VERIFIER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)  # fmt: skip
_LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)
_RAW = b64decode(_VERIFIER_KEY.split("+", 2)[2])[1:]
_KEY = Ed25519PublicKey.from_public_bytes(_RAW)


def test_a_verifier_key_is_written_as_others_write_it() -> None:
    """Name, key id and key of the example come out letter for letter; the verifier reads them back."""
    assert verifier_key("PeterNeumann", _KEY) == _VERIFIER_KEY
    assert read_key(_VERIFIER_KEY) == Trusted("PeterNeumann", _RAW)


def test_a_signature_line_is_what_others_write() -> None:
    """The example's line is the key id and the signature over the text with its last line feed."""
    _, name, encoded = _LINE.split(" ")
    claim = b64decode(encoded)
    assert (name, claim[:4]) == ("PeterNeumann", key_id("PeterNeumann", _KEY))
    _KEY.verify(claim[4:], _TEXT.encode())
