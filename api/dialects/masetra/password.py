"""Changing one's own password."""

import unicodedata

import msgspec

from api.actions import Given, Loaded, attempt, change, check_password
from api.auth import new_password
from api.call import Call
from api.dialects.masetra.account_shapes import PasswordIn
from api.dialects.masetra.platform_shapes import DoneOut
from api.input import together
from api.reply import Reply
from domain.errors import Fault, InvalidInput
from domain.events import Event
from domain.platform.passwords import password_faults
from domain.platform.users import USERS, User

_DONE = msgspec.json.encode(DoneOut("success", {}, "The password is changed, and all other sessions are ended."))


async def change_password(call: Call) -> Reply:
    """Set one's own password; wrong current ones count as at sign-in. This session goes on, all others end."""
    hashes: dict[str, str] = {}
    step = USERS.step("change_password")

    async def decide(loaded: Loaded) -> list[Event]:
        await _check_current(call)
        it: User = loaded.record
        given, _ = together(lambda: call.given(PasswordIn), lambda: _check_new(call, it))
        if not hashes:
            hashes["new"] = await call.doors.passwords.hash(given.new_password)
        return [USERS.decide(step, it, await attempt(call, loaded, Given()), {})]

    answer = await change(
        call,
        USERS,
        call.signed_in.id,
        decide,
        lambda user: Reply(body=_DONE),
        statements=lambda user: new_password(user.id, hashes["new"], kept=call.session),
    )
    call.doors.ended.hear()
    return answer


async def _check_current(call: Call) -> None:
    """Raise Denied for a password that is not the current one; each time anew: it may have been changed meanwhile."""
    current = call.body.raw.get("current_password")
    if isinstance(current, str) and current:
        call.good_passwords.clear()
        await check_password(call, current, "The current password is not right.")


def _check_new(call: Call, user: User) -> None:
    """Raise InvalidInput with everything that is wrong with the new password."""
    new, current = call.body.raw.get("new_password"), call.body.raw.get("current_password")
    if not isinstance(new, str):
        return
    path = "new_password"
    faults = password_faults(new, user.name.get("username"), call.doors.standing.settings, path)
    if isinstance(current, str) and unicodedata.normalize("NFC", new) == unicodedata.normalize("NFC", current):
        faults.append(Fault(path, "The new password must be another one."))
    if faults:
        raise InvalidInput(faults)
