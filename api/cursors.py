"""Cursors: where a walk goes on. Whoever gets one can read nothing out of it that matters, and make none himself.

A cursor is bound to what was asked, and is good for as long as `cursors.key` is the same; with another key, walks begin
again.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import NoReturn

import msgspec
from msgspec import Struct

from api.call import fault
from ledger.keys import Keys
from projections.trail_queries import Place

_KEY = "cursors"
_MAC_BYTES = 16
_ASKED_BYTES = 8
LONGEST = 200


class _Cursor(Struct, frozen=True, array_like=True):
    asked: bytes
    rank: int
    position: int
    back: bool


_DECODER = msgspec.msgpack.Decoder(_Cursor)


def written(keys: Keys, asked: bytes, place: Place) -> str:
    """Return the cursor of a place in a walk; `asked`: what the walk is, and all that it is narrowed by."""
    plain = msgspec.msgpack.encode(_Cursor(_digest(asked), place.rank, place.position, place.back))
    return urlsafe_b64encode(_mac(keys, plain) + plain).decode().rstrip("=")


def read(keys: Keys, asked: bytes, cursor: str) -> Place:
    """Return the place that a cursor names. Raises InvalidInput for one that is not ours, or of another walk."""
    try:
        sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        _refuse("This is not a cursor of ours; begin with ?cursor=.")
    mac, plain = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(keys, plain)):
        _refuse("This is not a cursor of ours; begin with ?cursor=.")
    it = _DECODER.decode(plain)
    if it.asked != _digest(asked):
        _refuse("This cursor belongs to another filter or order; begin with ?cursor=.")
    return Place(it.rank, it.position, it.back)


def _mac(keys: Keys, plain: bytes) -> bytes:
    return hmac.digest(keys.secret(_KEY), plain, "sha256")[:_MAC_BYTES]


def _digest(asked: bytes) -> bytes:
    return sha256(asked).digest()[:_ASKED_BYTES]


def _refuse(says: str) -> NoReturn:
    raise fault("cursor", says)
