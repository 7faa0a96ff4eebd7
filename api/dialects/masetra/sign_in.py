"""Signing in and out. These doors read no Authorization header: an old token in it must not keep anybody out."""

from datetime import UTC, datetime

import msgspec
import psycopg

from api import access_facts
from api.auth import check_reuse, expired, new_password, still, user_id_of
from api.call import Call, fault
from api.dialects.masetra import platform_shapes as shapes
from api.lockout import Proof, Tried
from api.reply import Reply
from api.sessions import DEAD, Begun, Seen, Used
from domain.errors import Fault, InvalidInput, NotSignedIn, PasswordExpired
from domain.platform.passwords import password_faults, too_old
from domain.platform.users import ACTIVE, USERS, User, fold_name
from projections.shown import user_ref

_NEW = "new_password"
_WRONG = "No active user has this name and password."
_STOLEN = "A refresh token came again after another took its place."


async def make_token(call: Call) -> Reply:
    """Answer an access and a refresh token for a user name, a password, and a one-time code where they are set up."""
    given = call.given(shapes.TokenIn)
    user, begun = await _signed_in(call, given)
    shown = user_ref(user.id, {user.id: user})
    assert shown is not None  # noqa: S101 - there is a user
    return Reply(body=msgspec.json.encode(shapes.TokenOut(begun.access, begun.refresh, shown)))


async def refresh_token(call: Call) -> Reply:
    """Answer a new access token for a refresh token that is still good, and a new one of those where it is rotated."""
    given = call.given(shapes.RefreshIn)
    doors = call.doors
    number = doors.tokens.read_refresh(given.refresh).user
    async with doors.pool.connection() as connection:
        # Before anything is rotated: what is refused here leaves the token as it was.
        user = (await doors.people.get(connection, {number})).get(number)
        if user is None or user.status != ACTIVE:
            raise NotSignedIn("The user of this token can not sign in any more.")
        old = await expired(connection, number, doors.standing.settings)
        used = None if old else await doors.sessions.go_on(connection, given.refresh, _seen(call), rotate=given.rotate)
    if used is None:
        await access_facts.sign_in_failed(call, number, "", "expired")
        raise NotSignedIn("The password has expired; sign in again.")
    if used.stolen:
        _tell_of_theft(call, used)
        raise NotSignedIn(DEAD)
    return Reply(body=msgspec.json.encode(shapes.AccessOut(used.access, used.successor)))


async def leave(call: Call) -> Reply:
    """End the session of a refresh token at once: this one, and the access tokens that came of it."""
    given = call.given(shapes.LogoutIn)
    async with call.doors.pool.connection() as connection:
        await call.doors.sessions.leave(connection, given.refresh)
    call.doors.ended.hear()
    return Reply(body=msgspec.json.encode(shapes.DoneOut("success", {}, "Signed out.")))


async def _signed_in(call: Call, given: shapes.TokenIn) -> tuple[User, Begun]:
    """Return who signed in, and the session. Raises NotSignedIn, always in the same words; PasswordExpired.

    InvalidInput for a new password that can't be taken, before anything is compared: no code is spent for it.
    """
    doors = call.doors
    if given.new_password is not None:
        _refuse(password_faults(given.new_password, given.username, doors.standing.settings, _NEW))
    async with doors.pool.connection() as connection:
        number = await user_id_of(connection, doors.vault.keys, given.username) or 0
    # Of one time: a code that was left unspent for the password's age must not go on with another one.
    at, rules = datetime.now(UTC), doors.standing.settings
    tried = await doors.lockout.check(
        number,
        Proof(given.password, given.otp),
        fold_name(given.username),
        call.by_system(),
        spends=lambda set_at: too_old(set_at, at, rules) == (given.new_password is not None),
    )
    if not tried.good:
        await access_facts.sign_in_failed(call, number or None, given.username, tried.why)
        raise NotSignedIn(_WRONG)
    async with doors.pool.connection() as connection:
        user = (await doors.people.get(connection, {number})).get(number)
    if user is None or user.status != ACTIVE:
        await access_facts.sign_in_failed(call, number, given.username, "inactive")
        raise NotSignedIn(_WRONG)
    stored = await _renewed(call, user, given, tried, old=too_old(tried.changed_at, at, rules))
    async with doors.pool.connection() as connection:
        begun = await doors.sessions.begin(connection, number, stored, _seen(call))
    if begun is None:
        await access_facts.sign_in_failed(call, number, given.username, "changed")
        raise NotSignedIn(_WRONG)
    return user, begun


async def _renewed(call: Call, user: User, given: shapes.TokenIn, tried: Tried, *, old: bool) -> str:
    """Return the hash of the password that holds: the new one's, where the old one has expired and one is given.

    Raises PasswordExpired where none is, InvalidInput for one that can't be taken.
    """
    doors, new = call.doors, given.new_password
    if not old:
        if new is not None:
            raise fault(_NEW, "The password has not expired; it is changed at POST /api/auth/password/.")
        return tried.hash
    if new is None:
        await access_facts.sign_in_failed(call, user.id, given.username, "expired")
        raise PasswordExpired("The password has expired; sign in with `new_password` beside it.")
    async with doors.pool.connection() as connection:
        await check_reuse(connection, doors.passwords, doors.standing.settings, user.id, new)
    hashed = await doors.passwords.hash(new)
    who = msgspec.structs.replace(call.by_system(), actor=doors.standing.actor(user))
    change = USERS.step("change_password")
    statements = [still(user.id, tried.hash), *new_password(user.id, hashed)]
    try:
        await doors.user_facts.record(user.id, lambda it: [USERS.decide(change, it, who, {})], statements)
    except psycopg.errors.DivisionByZero as changed:
        await access_facts.sign_in_failed(call, user.id, given.username, "changed")
        raise NotSignedIn(_WRONG) from changed
    doors.ended.hear()
    return hashed


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise InvalidInput(faults)


def _seen(call: Call) -> Seen:
    return Seen.of(call.source.address, call.headers.get("user-agent", ""))


def _tell_of_theft(call: Call, used: Used) -> None:
    call.doors.ended.hear()
    data = {"session": used.session}
    who = call.by_system(_STOLEN)
    step = USERS.step("end_session")
    call.doors.user_facts.soon(used.user, f"theft {used.session}", lambda it: [USERS.decide(step, it, who, data)])
