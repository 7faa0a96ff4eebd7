"""Signing in and out. These doors read no Authorization header: an old token in it must not keep anybody out."""

import msgspec

from api.actions import by_system
from api.auth import user_id_of
from api.call import Call
from api.dialects.masetra import platform_shapes as shapes
from api.reply import Reply
from api.sessions import DEAD, Begun, Seen, Used
from domain.errors import NotSignedIn
from domain.platform.users import ACTIVE, USERS, User, fold_name
from projections.shown import user_ref

_WRONG = "No active user has this name and password."
_STOLEN = "A refresh token came again after another took its place."


async def make_token(call: Call) -> Reply:
    """Answer an access and a refresh token for a user name and a password."""
    given = call.given(shapes.TokenIn)
    user, begun = await _signed_in(call, given)
    shown = user_ref(user.id, {user.id: user})
    assert shown is not None  # noqa: S101 - there is a user
    return Reply(body=msgspec.json.encode(shapes.TokenOut(begun.access, begun.refresh, shown)))


async def refresh_token(call: Call) -> Reply:
    """Answer a new access token for a refresh token that is still good, and a new one of those where it is rotated."""
    given = call.given(shapes.RefreshIn)
    doors = call.doors
    async with doors.pool.connection() as connection:
        used = await doors.sessions.go_on(connection, given.refresh, _seen(call), rotate=given.rotate)
        user = (await doors.people.get(connection, {used.user})).get(used.user)
    if used.stolen:
        _tell_of_theft(call, used)
        raise NotSignedIn(DEAD)
    if user is None or user.status != ACTIVE:
        raise NotSignedIn("The user of this token can not sign in any more.")
    return Reply(body=msgspec.json.encode(shapes.AccessOut(used.access, used.successor)))


async def leave(call: Call) -> Reply:
    """End the session of a refresh token at once: this one, and the access tokens that came of it."""
    given = call.given(shapes.LogoutIn)
    async with call.doors.pool.connection() as connection:
        await call.doors.sessions.leave(connection, given.refresh)
    call.doors.ended.hear()
    return Reply(body=msgspec.json.encode(shapes.DoneOut("success", {}, "Signed out.")))


async def _signed_in(call: Call, given: shapes.TokenIn) -> tuple[User, Begun]:
    """Return who signed in, and the session. Raises NotSignedIn, always in the same words."""
    doors = call.doors
    async with doors.pool.connection() as connection:
        number = await user_id_of(connection, doors.vault.keys, given.username) or 0
    tried = await doors.lockout.check(number, given.password, fold_name(given.username), by_system(call))
    if not tried.good:
        raise NotSignedIn(_WRONG)
    async with doors.pool.connection() as connection:
        user = (await doors.people.get(connection, {number})).get(number)
        if user is None or user.status != ACTIVE:
            raise NotSignedIn(_WRONG)
        begun = await doors.sessions.begin(connection, number, tried.hash, _seen(call))
    if begun is None:
        raise NotSignedIn(_WRONG)
    return user, begun


def _seen(call: Call) -> Seen:
    return Seen.of(call.source.address, call.headers.get("user-agent", ""))


def _tell_of_theft(call: Call, used: Used) -> None:
    call.doors.ended.hear()
    data = {"session": used.session}
    who = by_system(call, _STOLEN)
    step = USERS.step("end_session")
    call.doors.user_facts.soon(used.user, f"theft {used.session}", lambda it: [USERS.decide(step, it, who, data)])
