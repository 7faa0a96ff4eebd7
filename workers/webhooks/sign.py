"""Signing as Standard Webhooks 1.0.0 has it: `v1`, HMAC-SHA256 over id, timestamp and body."""

import hmac
from base64 import b64encode
from collections.abc import Sequence

from domain.platform.webhooks import encoded_key


def key_of(secret: str) -> bytes:
    """Return a secret's HMAC key: what `whsec_<base64>` encodes, else the string itself in UTF-8."""
    key = encoded_key(secret)
    return secret.encode() if key is None else key


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message at a time, in Unix seconds."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def signed_headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that a message is sent with, one signature a secret."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key_of(secret), message_id, timestamp, body) for secret in secrets),
    }
