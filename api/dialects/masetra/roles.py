"""Roles and the catalogue of permissions: list, look at, make, change."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct

from api.actions import Given, Loaded, attempt, change, create, load
from api.call import Call, NoQuery
from api.dialects.masetra.config import reason_of
from api.dialects.masetra.config_shapes import PermissionOut, RoleChange, RoleIn, RoleOut
from api.dialects.masetra.forms import Page, page_reply
from api.input import together
from api.names import take
from api.reply import Reply, record_reply
from domain.errors import Conflict, Fault, Hidden, InvalidInput
from domain.events import Event
from domain.platform import roles as rules
from domain.platform.permissions import PERMISSIONS
from domain.platform.roles import ROLES, Role
from domain.platform.users import fold_name


async def list_roles(call: Call) -> Reply:
    """Answer a page of roles, by id."""
    call.require("role.read")
    return _page(call, [_out(role) for role in call.doors.standing.roles])


async def list_permissions(call: Call) -> Reply:
    """Answer a page of the permissions that roles are made from."""
    call.require("role.read")
    return _page(call, [PermissionOut(name, says) for name, says in PERMISSIONS.items()])


async def get_role(call: Call) -> Reply:
    """Answer one role."""
    _check_seen(call)
    role: Role = (await load(call, ROLES, call.record_id)).record
    call.query(NoQuery)
    return _reply(role)


async def add_role(call: Call) -> Reply:
    """Make a role; its name is taken for ever."""
    call.require("role.manage")
    given, _ = together(lambda: call.given(RoleIn), lambda: _check_permissions(call.body.raw.get("permissions")))
    wanted: RoleIn = given
    if any(fold_name(role.name) == fold_name(wanted.name) for role in call.doors.standing.roles):
        raise Conflict(f"There is a role {wanted.name} already.")
    data = {"name": wanted.name, "permissions": _in_order(wanted.permissions)}
    made = rules.create(await attempt(call, Loaded(None, []), Given(reason=wanted.reason)), data)
    reply = await create(
        call,
        ROLES,
        made,
        lambda role: _reply(role, 201),
        statements=lambda role: [take(ROLES.kind, role.name, role.id)],
    )
    await call.doors.relearn()
    return reply


async def change_role(call: Call) -> Reply:
    """Change what a role grants, to whoever holds it, at once."""

    async def decide(loaded: Loaded) -> list[Event]:
        role: Role = loaded.record
        call.require("role.manage")
        call.check_version(role.version)
        given, _ = together(
            lambda: call.given(RoleChange, {"id": role.id, "name": role.name}),
            lambda: _check_permissions(call.body.raw.get("permissions")),
        )
        wanted: RoleChange = given
        if wanted.permissions is UNSET or set(wanted.permissions) == set(_out(role).permissions):
            return []
        reason = reason_of(wanted.reason, call.doors.standing.settings)
        who = await attempt(call, loaded, Given(reason=reason))
        return [rules.change(role, who, _in_order(wanted.permissions))]

    _check_seen(call)
    reply = await change(call, ROLES, call.record_id, decide, _reply)
    await call.doors.relearn()
    return reply


def _check_seen(call: Call) -> None:
    if not call.actor.may("role.read"):
        raise Hidden(f"There is no role {call.record_id}.", "role.read")


def _page(call: Call, shown: Sequence[Struct]) -> Reply:
    query = call.query(Page)
    part = shown[query.offset : query.offset + query.size]
    return page_reply(call, query, len(shown), b",".join(msgspec.json.encode(one) for one in part))


def _out(role: Role) -> RoleOut:
    return RoleOut(role.id, role.name, tuple(PERMISSIONS) if role.id == rules.ALL else role.permissions)


def _reply(role: Role, status: int = 200) -> Reply:
    return record_reply(role.version, _out(role), status)


def _in_order(permissions: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in PERMISSIONS if name in permissions)


def _check_permissions(given: object) -> None:
    names = given if isinstance(given, list) else []
    unknown = [name for name in names if not isinstance(name, str) or name not in PERMISSIONS]
    if unknown:
        named = ", ".join(str(name)[:50] for name in unknown[:5])
        raise InvalidInput(
            [Fault("permissions", f"There is no permission {named}; /api/config/permissions/ lists all.")]
        )
