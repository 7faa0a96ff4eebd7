"""One's own record: look at it, and change what everybody changes of himself."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict

from api.actions import Given, Loaded, attempt, change
from api.call import Call, NoQuery
from api.dialects.masetra.account_shapes import OwnChange
from api.dialects.masetra.platform_shapes import OwnOut
from api.dialects.masetra.users import user_out
from api.records.edits import as_json
from api.reply import Reply, record_reply
from domain.errors import Conflict
from domain.events import Event, Personal
from domain.platform.users import USERS, User
from ledger.vault import Vault


async def get_own(call: Call) -> Reply:
    """Answer who asks."""
    call.query(NoQuery)
    return own_reply(call.signed_in)


async def change_own(call: Call) -> Reply:
    """Change names, address and profile of who asks."""

    async def decide(loaded: Loaded) -> list[Event]:
        it: User = loaded.record
        call.check_version(it.version)
        given = call.given(OwnChange, as_json(own_out(it)))
        changes = personal_changes(call.doors.vault, it, given)
        if not changes:
            return []
        who = await attempt(call, loaded, Given(comment=given.comment, reason=given.reason))
        return [USERS.decide(USERS.step("update_own"), it, who, changes)]

    answer = await change(call, USERS, call.signed_in.id, decide, own_reply)
    call.doors.people.forget()
    return answer


def own_reply(user: User) -> Reply:
    """Return a user as his record shows him to himself."""
    return record_reply(user.version, own_out(user))


def own_out(user: User) -> OwnOut:
    """Return a user as he is shown to himself."""
    return OwnOut(**asdict(user_out(user)), second_factor=user.second_factor)


def personal_changes(vault: Vault, user: User, given: OwnChange) -> dict[str, Any]:
    """Return the personal parts of a user that change, drawn anew. Raises Conflict where the person was erased."""
    profile = given.profile
    parts = {
        "name": _said(given, ("first_name", "last_name")),
        "contact": _said(given, ("email",)),
        "profile": {} if profile is UNSET else _said(profile, ("job_title", "phone", "skills")),
    }
    changes = {}
    for part, said in parts.items():
        before: Personal = getattr(user, part) or Personal(user.name.subject, part, b"", {})
        if said and (before.value is None or user.name.value is None):
            raise Conflict("What was known of this person was erased.")
        known = dict(before.value or {})
        if any(value != known.get(name, "") for name, value in said.items()):
            changes[part] = vault.personal(user.name.subject, part, {**known, **said})
    return changes


def _said(given: Any, names: tuple[str, ...]) -> dict[str, str]:
    """Return what is given of some fields, each as one text."""
    values = {name: getattr(given, name) for name in names}
    return {
        name: "\n".join(value) if isinstance(value, list) else value
        for name, value in values.items()
        if value is not UNSET
    }
