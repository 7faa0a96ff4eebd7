"""Users: list, look at, add."""

import os
import uuid
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.actions import Given, Loaded, attempt, create
from api.auth import credentials, password_faults, user_id_of
from api.call import Call, NoQuery
from api.dialects.masetra import platform_shapes as shapes
from api.dialects.masetra.forms import Page, page_reply
from api.input import together
from api.reply import Reply, record_reply
from domain.errors import Conflict, Fault, InvalidInput, NotFound
from domain.platform.roles import ROLES
from domain.platform.users import ACTIVE, USERS, User
from ledger.keys import Vault
from projections.deviation_views import seconds
from projections.user_queries import find


class UserQuery(Page, frozen=True, kw_only=True):
    """What a list of users is narrowed to; deactivated ones only where they are asked for."""

    is_active: Annotated[str, Meta(pattern="^(true|false)$")] = "true"


async def list_users(call: Call) -> Reply:
    """Answer a page of users, oldest first."""
    call.require("user.read")
    query = call.query(UserQuery)
    async with call.doors.pool.connection() as connection:
        count, records = await find(
            connection, call.doors.users, active=query.is_active == "true", limit=query.size, offset=query.offset
        )
    return page_reply(call, query, count, b",".join(msgspec.json.encode(user_out(user)) for user in records))


async def get_user(call: Call) -> Reply:
    """Answer one user, to who may read users and to the user."""
    number = call.record_id
    async with call.doors.pool.connection() as connection:
        user = (await call.doors.people.get(connection, {number})).get(number)
    if user is None or not (call.actor.may("user.read") or call.actor.id == number):
        raise NotFound(f"There is no user {number}.")
    call.query(NoQuery)
    return record_reply(user.version, user_out(user))


async def add_user(call: Call) -> Reply:
    """Add a user who can sign in; the name is taken for ever."""
    call.require("user.manage")
    given = _checked(call)
    doors = call.doors
    keys = doors.vault.keys
    async with doors.pool.connection() as connection:
        if await user_id_of(connection, keys, given.username) is not None:
            raise Conflict(f"The user name {given.username} is taken, or was once.")
    password_hash = await doors.passwords.hash(given.password)
    who = await attempt(call, Loaded(None, []), Given())
    return await create(
        call,
        USERS,
        USERS.create(who, _facts(doors.vault, given)),
        lambda user: record_reply(user.version, user_out(user), 201),
        then=lambda user: () if given.is_active else (USERS.decide(USERS.step("deactivate"), user, who, {}),),
        statements=lambda user: credentials(keys, user.id, given.username, password_hash),
    )


def _checked(call: Call) -> shapes.UserIn:
    """Return the new user as given. Raises InvalidInput with what is wrong with password and roles, too."""
    given, _ = together(lambda: call.given(shapes.UserIn), lambda: _check_rules(call.body.raw))
    user: shapes.UserIn = given
    return user


def _check_rules(raw: dict[str, Any]) -> None:
    password, username, roles = raw.get("password"), raw.get("username"), raw.get("roles")
    faults = []
    if isinstance(password, str):
        faults += password_faults(password, username if isinstance(username, str) else "")
    unknown = [role for role in roles if role not in ROLES] if isinstance(roles, list) else []
    if unknown:
        named = ", ".join(str(role)[:50] for role in unknown[:5])
        faults.append(Fault("roles", f"There is no role {named}. There are: {', '.join(ROLES)}."))
    if faults:
        raise InvalidInput(faults)


def _facts(vault: Vault, given: shapes.UserIn) -> dict[str, Any]:
    person = uuid.UUID(bytes=os.urandom(16), version=4)
    name = {"username": given.username, "first_name": given.first_name, "last_name": given.last_name}
    return {
        "name": vault.personal(person, "name", name),
        "contact": vault.personal(person, "contact", {"email": given.email}),
        "department": given.department,
        "roles": tuple(dict.fromkeys(given.roles)),
    }


def user_out(user: User) -> shapes.UserOut:
    """Return a user as the API shows it."""
    name = user.name
    erased = f"erased user {user.id}"
    username = name.get("username", erased)
    first, last = name.get("first_name"), name.get("last_name")
    return shapes.UserOut(
        id=user.id,
        username=username,
        email=user.contact.get("email"),
        first_name=first,
        last_name=last,
        display_name=f"{first} {last}".strip() or username,
        department=user.department,
        roles=user.roles,
        is_active=user.status == ACTIVE,
        date_joined=seconds(user.joined_at),
        profile=shapes.ProfileOut("", "", []),
    )
