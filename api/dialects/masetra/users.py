"""Users: list, look at, add."""

import os
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from psycopg import AsyncConnection

from api.actions import Given, Loaded, attempt, create
from api.auth import credentials, user_id_of
from api.call import Call, NoQuery
from api.dialects.masetra import platform_shapes as shapes
from api.dialects.masetra.account_shapes import UserQuery
from api.dialects.masetra.forms import page_reply
from api.input import together
from api.reply import Reply, record_reply
from domain.errors import Conflict, Fault, Hidden, InvalidInput, NotFound
from domain.platform.passwords import password_faults
from domain.platform.user_rules import check_grants
from domain.platform.users import ACTIVE, ERASED, USERS, User
from ledger.vault import Vault
from projections.shown import seconds
from projections.standing import Standing
from projections.user_queries import UserFilter, find

_NO_PROFILE: Mapping[str, str] = {}


async def list_users(call: Call) -> Reply:
    """Answer a page of users, oldest first."""
    call.require("user.read")
    query = call.query(UserQuery)
    doors = call.doors
    async with doors.pool.connection() as connection:
        named = None if query.username is None else await _named(call, connection, query.username)
        wanted = UserFilter(active=query.is_active == "true", id=named, department=query.department, role=query.role)
        count, records = await find(connection, doors.users, wanted, query.size, query.offset)
    return page_reply(call, query, count, b",".join(msgspec.json.encode(user_out(user)) for user in records))


async def get_user(call: Call) -> Reply:
    """Answer one user, to who may read users and to the user."""
    number = call.record_id
    async with call.doors.pool.connection() as connection:
        user = (await call.doors.people.get(connection, {number})).get(number)
    check_seen(call, user)
    assert user is not None  # noqa: S101 - it was seen
    call.query(NoQuery)
    return reply(user)


async def add_user(call: Call) -> Reply:
    """Add a user who can sign in; the name is taken for ever."""
    call.require("user.manage")
    doors = call.doors
    check_grants(call.actor, (), given_roles(call), doors.standing.granted)
    given = _checked(call)
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
        lambda user: reply(user, 201),
        then=lambda user: () if given.is_active else (USERS.decide(USERS.step("deactivate"), user, who, {}),),
        statements=lambda user: credentials(keys, user.id, given.username, password_hash, active=given.is_active),
    )


async def _named(call: Call, connection: AsyncConnection[Any], username: str) -> int:
    """Return whose name it is; 0 for nobody's, and for that of an erased user: it is not to be found out."""
    doors = call.doors
    number = await user_id_of(connection, doors.vault.keys, username) or 0
    user = (await doors.people.get(connection, {number})).get(number)
    return number if user is not None and user.status != ERASED else 0


def check_reads(call: Call, number: int) -> None:
    """Raise Hidden where who asks may see himself alone, and it is another, whether there is one or not."""
    if call.actor.id != number and not call.actor.may("user.read"):
        raise Hidden(f"There is no user {number}.", "user.read")


def check_seen(call: Call, user: User | None) -> None:
    """Raise NotFound where there is no such user, or where who asks may not see him."""
    check_reads(call, call.record_id if user is None else user.id)
    if user is None:
        raise NotFound(f"There is no user {call.record_id}.")


def given_roles(call: Call) -> list[str]:
    """Return the names of roles in the body, whatever else is in it."""
    roles = call.body.raw.get("roles")
    return [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []


def check_rules(raw: Mapping[str, Any], username: str, standing: Standing) -> None:
    """Raise InvalidInput with everything that is wrong with a password and with roles."""
    password, roles = raw.get("password"), raw.get("roles")
    faults = password_faults(password, username, standing.settings) if isinstance(password, str) else []
    given = roles if isinstance(roles, list) else []
    unknown = [str(role)[:50] for role in given if not isinstance(role, str) or standing.role(role) is None]
    if unknown:
        there = ", ".join(role.name for role in standing.roles)
        faults.append(Fault("roles", f"There is no role {', '.join(unknown[:5])}. There are: {there}."))
    if faults:
        raise InvalidInput(faults)


def _checked(call: Call) -> shapes.UserIn:
    """Return the new user as given. Raises InvalidInput with what is wrong with password and roles, too."""
    raw = call.body.raw
    name = raw.get("username")
    given, _ = together(
        lambda: call.given(shapes.UserIn),
        lambda: check_rules(raw, name if isinstance(name, str) else "", call.doors.standing),
    )
    user: shapes.UserIn = given
    return user


def _facts(vault: Vault, given: shapes.UserIn) -> dict[str, Any]:
    person = uuid.UUID(bytes=os.urandom(16), version=4)
    name = {"username": given.username, "first_name": given.first_name, "last_name": given.last_name}
    return {
        "name": vault.personal(person, "name", name),
        "contact": vault.personal(person, "contact", {"email": given.email}),
        "department": given.department,
        "roles": tuple(dict.fromkeys(given.roles)),
    }


def reply(user: User, status: int = 200) -> Reply:
    """Return a user as his record shows him."""
    return record_reply(user.version, user_out(user), status)


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
        profile=_profile(user),
    )


def _profile(user: User) -> shapes.ProfileOut:
    """Return what else is known; skills are kept a line each."""
    value = (user.profile and user.profile.value) or _NO_PROFILE
    return shapes.ProfileOut(
        job_title=value.get("job_title", ""),
        phone=value.get("phone", ""),
        skills=[skill for skill in value.get("skills", "").split("\n") if skill],
    )
