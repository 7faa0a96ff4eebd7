"""Signing in and out. These doors read no Authorization header: an old token in it must not keep anybody out."""

import msgspec

from api.auth import stored_credentials
from api.call import Call
from api.dialects.masetra import platform_shapes as shapes
from api.reply import Reply
from domain.errors import NotSignedIn
from domain.platform.users import ACTIVE
from projections.deviation_views import user_ref


async def make_token(call: Call) -> Reply:
    """Answer an access and a refresh token for a user name and a password."""
    given = call.given(shapes.TokenIn)
    doors = call.doors
    async with doors.pool.connection() as connection:
        number, stored = await stored_credentials(connection, doors.vault.keys, given.username)
    if not await doors.passwords.matches(given.password, stored):
        raise NotSignedIn("No active user has this name and password.")
    async with doors.pool.connection() as connection:
        people = await doors.people.get(connection, {number})
        user = people.get(number)
        if user is None or user.status != ACTIVE:
            raise NotSignedIn("No active user has this name and password.")
        refresh = await doors.tokens.refresh(connection, user.id)
    shown = user_ref(user.id, people)
    assert shown is not None  # noqa: S101 - there is a user
    return Reply(body=msgspec.json.encode(shapes.TokenOut(doors.tokens.access(user.id), refresh, shown)))


async def refresh_token(call: Call) -> Reply:
    """Answer a new access token for a refresh token that is still good, and a new one of those where it is rotated."""
    given = call.given(shapes.RefreshIn)
    doors = call.doors
    async with doors.pool.connection() as connection:
        refreshed = await doors.tokens.refreshed(connection, given.refresh, rotate=given.rotate)
        user = (await doors.people.get(connection, {refreshed.user})).get(refreshed.user)
    if user is None or user.status != ACTIVE:
        raise NotSignedIn("The user of this token can not sign in any more.")
    return Reply(body=msgspec.json.encode(shapes.AccessOut(doors.tokens.access(user.id), refreshed.successor)))


async def leave(call: Call) -> Reply:
    """Make a refresh token useless at once."""
    given = call.given(shapes.LogoutIn)
    async with call.doors.pool.connection() as connection:
        await call.doors.tokens.revoke(connection, given.refresh)
    return Reply(body=msgspec.json.encode(shapes.DoneOut("success", {}, "Signed out.")))
