"""Signing: who signs proves anew who he is, with both components, at each signature.

What is proven with is compared and forgotten: it is in no event, no table, no log. A one-time code is spent with the
request that shows it, whatever comes of that.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from api import access_facts
from api.call import Call
from api.lockout import Proof
from api.text import clean, readable
from domain.errors import Denied, Fault, InvalidInput, PasswordExpired
from domain.events import Signature
from domain.platform.passwords import too_old
from domain.platform.users import fold_name
from domain.table import Record
from ledger.read import stream_digest
from ledger.rows import Row
from projections.shown import full_name

_WRONG = "The signature is not good: user name, password or one-time code."
_LOCKED = "Too many wrong passwords came: none is taken until some time has passed, or somebody unlocks."
_REQUIRED = "This field is required."


async def signed(call: Call, record: Record, rows: Iterable[Row], given: dict[str, Any]) -> Signature | None:
    """Return the signature of who asks over a record, as folded from these rows; sealed when its event is recorded.

    None where what is given is not whole: that is told as a fault of the input, in its turn. Raises Denied where it is
    not good, in the same words whatever is wrong.
    """
    proof, meaning = _proof(call, given), given.get("meaning")
    if proof is None or not isinstance(meaning, str) or not readable(meaning):
        return None
    await prove(call, proof, _WRONG, signing=True)
    user = call.signed_in
    # A user name is not printed: it may be an address, and would stay with the record after an erasure.
    name = full_name(user.name) or f"user {user.id}"
    return Signature(
        signer=user.id,
        name=call.doors.vault.personal(user.name.subject, "name", {"name": name}),
        meaning=clean(meaning).strip(),
        at=datetime.now(UTC),
        stream=record.stream,
        version=record.version + 1,
        digest=stream_digest(rows),
    )


async def prove(call: Call, proof: Proof, says: str, *, signing: bool = False) -> None:
    """Raise Denied, which `says` why, unless who asks proves who he is; what is wrong counts as at sign-in.

    A proof is made once a call, however often what it is for is decided: its code can be shown once. `call.proven`
    keeps the password's hash.
    """
    if proof in call.proven:
        return
    user = call.signed_in.id
    tried = await call.doors.lockout.check(user, proof, user, call.by_system())
    if not tried.good and signing:
        await access_facts.signature_refused(call, tried.why)
    if not tried.good:
        raise Denied(_LOCKED if tried.locked else says)
    if signing and too_old(tried.changed_at, datetime.now(UTC), call.doors.standing.settings):
        await access_facts.signature_refused(call, "expired")
        raise PasswordExpired("Your password has expired; change it first: POST /api/auth/password/.")
    call.proven[proof] = tried.hash


def own_proof(call: Call, name: str) -> Proof | None:
    """Return the proof that a body holds: the password under a name, and `otp`. None where one that is a must is none:
    that is told as a fault of the input, in its turn.
    """
    password, code = call.body.raw.get(name), call.body.raw.get("otp")
    texts = isinstance(password, str) and (code is None or isinstance(code, str))
    whole = bool(password) and (bool(code) or not call.signed_in.second_factor)
    return Proof(password, code) if texts and whole else None  # type: ignore[arg-type]  # it is text


def check_code(call: Call) -> None:
    """Raise InvalidInput where `otp` is a must for who asks, and is not given."""
    if call.signed_in.second_factor and not call.body.raw.get("otp"):
        raise InvalidInput([Fault("otp", _REQUIRED)])


def check_components(call: Call, given: object) -> None:
    """Raise InvalidInput for a component of a signature that is a must for who signs, and is not given."""
    if not isinstance(given, dict):
        return
    missing = [name for name in _asked(call) if not given.get(name)]
    if missing:
        raise InvalidInput([Fault(f"signature.{name}", _REQUIRED) for name in missing])


def _asked(call: Call) -> list[str]:
    return [
        *(["username"] if call.doors.standing.settings.signature_require_username else []),
        *(["otp"] if call.signed_in.second_factor else []),
    ]


def _proof(call: Call, given: dict[str, Any]) -> Proof | None:
    password, code, username = (given.get(name) for name in ("password", "otp", "username"))
    texts = all(one is None or isinstance(one, str) for one in (code, username))
    if not isinstance(password, str) or not password or not texts or not all(given.get(name) for name in _asked(call)):
        return None
    own = call.signed_in.name.get("username")
    return Proof(password, code, names=username is None or fold_name(username) == fold_name(own))
