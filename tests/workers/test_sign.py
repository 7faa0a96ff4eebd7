"""Signatures, checked by the package that receivers use."""

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from workers.webhooks.sign import key_of, signed_headers


def verifier(secret: str) -> Webhook:
    """Return what a receiver checks with: the package takes the key's base64."""
    return Webhook(secret if secret.startswith("whsec_") else b64encode(secret.encode()).decode())


bodies = st.dictionaries(st.text(max_size=5), st.text(max_size=5)).map(lambda it: repr(it).encode())
encoded = st.binary(min_size=24, max_size=64).map(lambda key: f"whsec_{b64encode(key).decode()}")
chosen = st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])).filter(
    lambda it: not it.startswith("whsec_")
)


@given(encoded | chosen)
def test_the_package_verifies_what_we_sign(secret: str) -> None:
    """With secrets of both kinds."""
    now = int(datetime.now(UTC).timestamp())
    body = b'{"event":"deviation.created"}'
    headers = signed_headers([secret], "msg_1", now, body)
    assert verifier(secret).verify(body, headers) == {"event": "deviation.created"}
    with pytest.raises(WebhookVerificationError):
        verifier(secret).verify(body + b" ", headers)


def test_while_rotating_old_and_new_verify() -> None:
    """One signature a secret, in one header."""
    now = int(datetime.now(UTC).timestamp())
    headers = signed_headers(["new secret", "old secret"], "msg_1", now, b"{}")
    assert headers["webhook-signature"].count("v1,") == 2
    assert verifier("new secret").verify(b"{}", headers) == verifier("old secret").verify(b"{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        verifier("another").verify(b"{}", headers)


def test_what_is_not_base64_is_a_string_like_any_other() -> None:
    """A secret that only looks like an encoded one signs too."""
    assert key_of("whsec_???") == b"whsec_???"
    assert key_of(f"whsec_{b64encode(b'key').decode()}") == b"key"
