"""What others change of a user: fields, roles, password, and whether he can sign in."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from api.actions import Given, Loaded, ahead, attempt, change
from api.auth import new_password, set_active, unlock
from api.call import Call
from api.dialects.masetra.account_shapes import UserChange
from api.dialects.masetra.profile import personal_changes
from api.dialects.masetra.shapes import RemovalIn, RemovalQuery
from api.dialects.masetra.users import check_reads, check_rules, given_roles, reply, user_out
from api.input import together
from api.records.edits import as_json
from api.reply import Reply
from api.sessions import end_all
from domain.errors import Denied, Fault, InvalidInput
from domain.events import Event
from domain.platform.user_rules import check_grants, check_own, check_stands_in
from domain.platform.users import ACTIVE, USERS, User
from ledger.append import Statement
from projections.user_queries import another_administrator


async def change_user(call: Call) -> Reply:
    """Change fields of a user, set another's password, deactivate or activate: one append."""
    check_reads(call, call.record_id)
    settled = _Settled(call)

    async def decide(loaded: Loaded) -> list[Event]:
        it: User = loaded.record
        _authorize(call, it)
        call.check_version(it.version)
        wanted = _checked(call, it)
        return await settled.decide(loaded, wanted)

    return await settled.append(decide, reply)


async def remove_user(call: Call) -> Reply:
    """Deactivate a user: nothing of him is erased."""
    check_reads(call, call.record_id)
    settled = _Settled(call)

    async def decide(loaded: Loaded) -> list[Event]:
        it: User = loaded.record
        USERS.authorize(USERS.step("deactivate"), it, call.actor)
        call.check_version(it.version)
        query, body = together(lambda: call.query(RemovalQuery), lambda: call.body.read(RemovalIn))
        return await settled.decide(loaded, UserChange(is_active=False, reason=query.reason or body.reason))

    return await settled.append(decide, lambda user: Reply(status=204))


async def unlock_user(call: Call) -> Reply:
    """Take passwords of a user again before the time."""
    check_reads(call, call.record_id)
    step = USERS.step("unlock")

    async def decide(loaded: Loaded) -> list[Event]:
        it: User = loaded.record
        USERS.authorize(step, it, call.actor)
        call.check_version(it.version)
        given = call.given(RemovalIn)
        return [USERS.decide(step, it, await attempt(call, loaded, Given(reason=given.reason)), {})]

    return await change(call, USERS, call.record_id, decide, reply, statements=lambda user: [unlock(user.id)])


class _Settled:
    """A change of a user on its way: what was decided of it, and what is committed with it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._statements: list[Statement] = []
        self._others: list[User] = []
        self._hashes: dict[str, str] = {}

    async def decide(self, loaded: Loaded, wanted: UserChange) -> list[Event]:
        """Return the facts of a change. Raises Conflict where nobody would be left to administer."""
        it: User = loaded.record
        self._statements, self._others = [], []
        events: list[Event] = []
        who = await attempt(self._call, loaded, Given(comment=wanted.comment, reason=wanted.reason))
        for trigger, data in _steps(self._call, it, wanted):
            events.append(USERS.decide(USERS.step(trigger), loaded.record, who, data))
            loaded = ahead(self._call, USERS, loaded, events[-1])
        if it.administers and not loaded.record.administers:
            async with self._call.doors.pool.connection() as connection:
                self._others = [await another_administrator(connection, self._call.doors.codec, it)]
        await self._settle(it, loaded.record, wanted)
        return events

    async def append(self, decide: Any, render: Any) -> Reply:
        """Append it, and forget at once what it makes untrue."""
        answer = await change(
            self._call,
            USERS,
            self._call.record_id,
            decide,
            render,
            statements=lambda user: self._statements,
            unchanged=lambda: self._others,
        )
        self._call.doors.people.forget()
        self._call.doors.ended.hear()
        return answer

    async def _settle(self, before: User, after: User, wanted: UserChange) -> None:
        if before.status != after.status:
            self._statements.append(set_active(before.id, active=after.status == ACTIVE))
        if wanted.password is not UNSET:
            self._statements += new_password(before.id, await self._hash(wanted.password))
        elif before.status != after.status:
            self._statements.append(end_all(before.id))

    async def _hash(self, password: str) -> str:
        """Return the password's hash, made once however often it is decided."""
        if password not in self._hashes:
            self._hashes[password] = await self._call.doors.passwords.hash(password)
        return self._hashes[password]


def _authorize(call: Call, it: User) -> None:
    """Raise Denied where who asks may not make these changes, whatever else is wrong with them."""
    raw, actor, standing = call.body.raw, call.actor, call.doors.standing
    USERS.authorize(USERS.step("update"), it, actor)
    check_own(actor, it.id, _reach(raw, it))
    check_grants(actor, it.roles, given_roles(call), standing.granted)
    if raw.get("password") is not None:
        if it.id == actor.id:
            raise Denied("One's own password is changed with the one that it replaces: POST /api/auth/password/.")
        check_stands_in(actor, standing.actor(it))


def _reach(raw: Mapping[str, Any], it: User) -> list[str]:
    """Return which of the fields that say how far a user's word goes would change."""
    before = {"department": it.department, "roles": list(it.roles)}
    return [name for name, value in before.items() if name in raw and raw[name] != value]


def _checked(call: Call, it: User) -> UserChange:
    """Return the changes. Raises InvalidInput with every fault."""
    shown = as_json(user_out(it))
    name = it.name.get("username")
    _, _, given = together(
        lambda: _check_name(call.body.raw, shown),
        lambda: check_rules(call.body.raw, name, call.doors.standing),
        lambda: call.given(UserChange, shown),
    )
    wanted: UserChange = given
    return wanted


def _check_name(raw: dict[str, Any], shown: dict[str, Any]) -> None:
    if raw.get("username", shown["username"]) != shown["username"]:
        says = "A user name is for ever: it tells in the audit trail who did what."
        raise InvalidInput([Fault("username", says)])


def _steps(call: Call, it: User, wanted: UserChange) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return the steps that a change takes, each with its data."""
    changes = personal_changes(call.doors.vault, it, wanted)
    if wanted.department is not UNSET and wanted.department != it.department:
        changes["department"] = wanted.department
    roles = it.roles if wanted.roles is UNSET else tuple(dict.fromkeys(wanted.roles))
    if roles != it.roles:
        changes["roles"] = roles
    steps: list[tuple[str, dict[str, Any]]] = [("update", changes)] if changes else []
    if wanted.is_active is not UNSET and wanted.is_active != (it.status == ACTIVE):
        steps.append(("activate" if wanted.is_active else "deactivate", {}))
    if wanted.password is not UNSET:
        steps.append(("change_password", {}))
    return steps
