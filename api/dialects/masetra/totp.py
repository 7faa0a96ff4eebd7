"""One-time codes beside the password: set them up, show that they work, remove them."""

import msgspec

from api import second_factor
from api.actions import Decide, Given, Loaded, attempt, change
from api.call import Call, fault
from api.dialects.masetra.account_shapes import CodeIn, TotpIn, TotpOut, TotpProof
from api.dialects.masetra.profile import own_reply
from api.dialects.masetra.shapes import RemovalIn, RemovalQuery
from api.dialects.masetra.users import check_reads
from api.input import check_given, together
from api.reply import Reply
from api.sessions import end_all
from api.signing import own_proof, prove
from domain.errors import Conflict
from domain.events import Event
from domain.platform.user_rules import check_stands_in
from domain.platform.users import USERS, User
from ledger.append import Statement

_PATH = "/api/users/me/totp/"


async def draw(call: Call) -> Reply:
    """Answer what one's own codes are to be made from, this once; it holds when a code is shown."""
    doors, it = call.doors, call.signed_in
    if not it.second_factor:  # Else the password alone would prove nothing, and there is nothing to set up.
        await _prove(call, "The password is not right.")
    call.given(TotpIn)
    USERS.decide(USERS.step("set_second_factor"), it, await attempt(call, Loaded(it, []), Given()), {})
    async with doors.pool.connection() as connection:
        drawn = await second_factor.draw(connection, doors.vault, it.id, it.name.get("username"))
    return Reply(body=msgspec.json.encode(TotpOut(drawn.secret, drawn.uri)))


async def confirm(call: Call) -> Reply:
    """Take the first code: from now on one is asked for beside the password; sessions begun without one end."""
    step = USERS.step("set_second_factor")
    spent: list[Statement] = []

    async def decide(loaded: Loaded) -> list[Event]:
        given = call.given(CodeIn)
        fact = USERS.decide(step, loaded.record, await attempt(call, loaded, Given()), {})
        async with call.doors.pool.connection() as connection:
            seed = await second_factor.drawn(connection, call.signed_in.id)
        if seed is None:
            raise Conflict(f"Nothing is set up yet; begin with POST {_PATH}.")
        at = second_factor.step_of(call.doors.vault, call.signed_in.id, seed, given.otp)
        if at is None:
            raise fault("otp", "This is not the code of now.")
        spent[:] = [second_factor.confirmed(call.signed_in.id, seed, at), end_all(call.signed_in.id, call.session)]
        return [fact]

    answer = await change(call, USERS, call.signed_in.id, decide, own_reply, statements=lambda _: spent)
    call.doors.people.forget()
    call.doors.ended.hear()
    return answer


async def give_up(call: Call) -> Reply:
    """Remove one's own codes, with the password and a code."""
    step = USERS.step("give_up_second_factor")

    async def decide(loaded: Loaded) -> list[Event]:
        await _prove(call, "The password or the one-time code is not right.")
        call.given(TotpProof)
        return [USERS.decide(step, loaded.record, await attempt(call, loaded, Given()), {})]

    return await _removed(call, call.signed_in.id, decide, [])


async def remove(call: Call) -> Reply:
    """Remove the codes of a user who has lost what makes them; his sessions end."""
    step, number = USERS.step("remove_second_factor"), call.record_id
    check_reads(call, number)

    async def decide(loaded: Loaded) -> list[Event]:
        it: User = loaded.record
        USERS.authorize(step, it, call.actor)
        check_stands_in(call.actor, call.doors.standing.actor(it))
        call.check_version(it.version)
        query, body = together(lambda: call.query(RemovalQuery), lambda: call.body.read(RemovalIn))
        reason = query.reason or body.reason
        check_given(["reason"], {"reason": reason})
        return [USERS.decide(step, it, await attempt(call, loaded, Given(reason=reason)), {})]

    return await _removed(call, number, decide, [end_all(number)])


async def _removed(call: Call, user: int, decide: Decide, beside: list[Statement]) -> Reply:
    statements = [second_factor.forget(user), *beside]
    answer = await change(call, USERS, user, decide, lambda _: Reply(status=204), statements=lambda _: statements)
    call.doors.people.forget()
    call.doors.ended.hear()
    return answer


async def _prove(call: Call, says: str) -> None:
    """Raise Denied, which `says` why, unless who asks proves who he is; what is no proof is told as a fault."""
    proof = own_proof(call, "password")
    if proof is not None:
        await prove(call, proof, says)
