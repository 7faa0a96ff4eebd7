"""Who asks: found out once a request, for the rate limits and for the doors alike."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from domain.errors import NotSignedIn
from domain.platform.users import ACTIVE, User

if TYPE_CHECKING:
    from api.doors import Doors


class Identity(NamedTuple):
    """An active user, and the session and the token by which he asks."""

    user: User
    session: UUID
    token: str


async def identify(doors: "Doors", headers: Mapping[str, str]) -> Identity:
    """Find out who asks. Raises NotSignedIn for nobody, and for a token that is no good."""
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise NotSignedIn("Sign in first: Authorization: Bearer <access token>.")
    token = doors.tokens.read(credential.strip())
    if await doors.ended.holds(token.session):
        raise NotSignedIn("The session of this token was ended; sign in again.")
    user = await _user(doors, token.user)
    if user is None or user.status != ACTIVE:
        raise NotSignedIn("The user of this token can not sign in any more.")
    return Identity(user, token.session, token.id)


async def _user(doors: "Doors", number: int) -> User | None:
    people = doors.people
    if not doors.bell.listening:
        people.forget()  # Nobody would tell us of changes: ask anew.
    known = people.known(number)
    if known is not None:
        return known
    async with doors.pool.connection() as connection:
        return (await people.get(connection, {number})).get(number)
