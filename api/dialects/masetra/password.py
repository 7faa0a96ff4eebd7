"""Changing one's own password."""

import msgspec
import psycopg

from api.actions import Given, Loaded, attempt, change
from api.auth import check_reuse, new_password, still
from api.call import Call
from api.dialects.masetra.account_shapes import PasswordIn
from api.dialects.masetra.platform_shapes import DoneOut
from api.input import together
from api.reply import Reply
from api.signing import check_code, own_proof, prove
from domain.errors import Denied, InvalidInput
from domain.events import Event
from domain.platform.passwords import password_faults
from domain.platform.users import USERS, User
from ledger.append import Statement

_NEW = "new_password"
_WRONG = "The current password is not right."
_WRONG_CODE = "The current password or the one-time code is not right."
_DONE = msgspec.json.encode(DoneOut("success", {}, "The password is changed, and all other sessions are ended."))


async def change_password(call: Call) -> Reply:
    """Set one's own password; wrong current ones count as at sign-in. This session goes on, all others end."""
    hashes: dict[str, str] = {}
    step = USERS.step("change_password")
    wrong = _WRONG_CODE if call.signed_in.second_factor else _WRONG

    async def decide(loaded: Loaded) -> list[Event]:
        proof = own_proof(call, "current_password")
        if proof is not None:
            await prove(call, proof, wrong)
        new = _checked(call, loaded.record)
        if proof is None:
            raise Denied(wrong)
        if not hashes:
            # After the proof, and once all else is good: the old passwords are nobody else's to try out.
            await _check_reuse(call, new)
            hashes["old"], hashes["new"] = call.proven[proof], await call.doors.passwords.hash(new)
        return [USERS.decide(step, loaded.record, await attempt(call, loaded, Given()), {})]

    def statements(user: User) -> list[Statement]:
        return [still(user.id, hashes["old"]), *new_password(user.id, hashes["new"], kept=call.session)]

    try:
        answer = await change(
            call, USERS, call.signed_in.id, decide, lambda user: Reply(body=_DONE), statements=statements
        )
    except psycopg.errors.DivisionByZero as changed:
        raise Denied(wrong) from changed
    call.doors.ended.hear()
    return answer


def _checked(call: Call, user: User) -> str:
    """Return the new password. Raises InvalidInput with everything that is wrong with the body."""
    given, *_ = together(
        lambda: call.given(PasswordIn), lambda: check_code(call), lambda: _check_rules(call, user.name.get("username"))
    )
    new: str = given.new_password
    return new


def _check_rules(call: Call, username: str) -> None:
    new = call.body.raw.get(_NEW)
    faults = password_faults(new, username, call.doors.standing.settings, _NEW) if isinstance(new, str) else []
    if faults:
        raise InvalidInput(faults)


async def _check_reuse(call: Call, new: str) -> None:
    doors = call.doors
    async with doors.pool.connection() as connection:
        await check_reuse(connection, doors.passwords, doors.standing.settings, call.signed_in.id, new)
