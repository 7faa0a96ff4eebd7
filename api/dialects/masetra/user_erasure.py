"""Erasing a user: what is known of the person is destroyed; what was signed stays signed."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import structlog

from api.actions import Given, Loaded, attempt, change
from api.call import Call
from api.dialects.masetra.account_shapes import ErasedOut, ErasureIn
from api.dialects.masetra.users import check_reads, user_out
from api.erasing import erased
from api.kept_answers import unname
from api.reply import Reply
from domain.events import Event
from domain.platform.erasing import check_reason
from domain.platform.users import USERS, User
from projections.erasures import Erasures
from projections.user_queries import another_administrator

log = structlog.get_logger(__name__)


async def erase_user(call: Call) -> Reply:
    """Record that a user is erased; from then on he is shown as such, and nobody signs in as him."""
    check_reads(call, call.record_id)
    step = USERS.step("erase")
    others: list[User] = []

    async def decide(loaded: Loaded) -> Sequence[Event]:
        it: User = loaded.record
        USERS.authorize(step, it, call.actor)
        call.check_version(it.version)
        given = call.given(ErasureIn)
        check_reason(given.reason, call.doors.codec.recorded(loaded.rows))
        event = USERS.decide(step, it, await attempt(call, loaded, Given(reason=given.reason)), {})
        if it.administers:
            async with call.doors.pool.connection() as connection:
                others[:] = [await another_administrator(connection, call.doors.codec, it)]
        return [event]

    answer = await change(call, USERS, call.record_id, decide, _reply, statements=erased, unchanged=lambda: others)
    call.doors.people.forget()
    call.doors.ended.hear()
    return answer


async def erased_at_once(call: Call, reply: Reply) -> Reply:
    """Destroy what goes at once, and answer with what keeps the printed name; where that fails, workers do it."""
    doors = call.doors
    try:
        erasures = Erasures(doors.pool.connection, doors.writer, doors.codec, now=lambda: datetime.now(UTC))
        keeping = await erasures.settle(call.record_id)
        async with doors.pool.connection() as connection:
            await unname(connection, doors.vault, {call.record_id})
    except Exception as error:  # noqa: BLE001 - what is committed is answered as committed
        log.warning("erasure_left_to_workers", user=call.record_id, error=repr(error))
        return reply
    shown = msgspec.json.decode(reply.body, type=ErasedOut)
    return msgspec.structs.replace(reply, body=msgspec.json.encode(msgspec.structs.replace(shown, kept=keeping)))


def _reply(user: User) -> Reply:
    return Reply(body=msgspec.json.encode(ErasedOut(user=user_out(user))))
