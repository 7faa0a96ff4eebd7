"""Sessions: one's own, and those of others to who manages users."""

from uuid import UUID

import msgspec

from api.actions import Given, Loaded, attempt, change
from api.call import Call
from api.dialects.masetra.account_shapes import SessionOut
from api.dialects.masetra.forms import Page, page_reply
from api.dialects.masetra.shapes import RemovalIn, RemovalQuery
from api.dialects.masetra.users import check_reads, check_seen
from api.input import together
from api.reply import Reply
from api.sessions import Session, end_all, end_one, has_live, live
from domain.errors import NotFound
from domain.events import Event
from domain.platform.users import USERS
from ledger.append import Statement
from projections.shown import seconds


async def list_own(call: Call) -> Reply:
    """Answer a page of one's own sessions, the last used first."""
    return await _listed(call, call.signed_in.id)


async def list_of_user(call: Call) -> Reply:
    """Answer a page of a user's sessions, to who manages users."""
    number = call.record_id
    async with call.doors.pool.connection() as connection:
        check_seen(call, (await call.doors.people.get(connection, {number})).get(number))
    call.require("user.manage")
    return await _listed(call, number)


async def end_own(call: Call) -> Reply:
    """End one of one's own sessions, this one too: all of its tokens are dead at once."""
    return await _end_one(call, call.signed_in.id)


async def end_own_others(call: Call) -> Reply:
    """End all of one's own sessions but this one."""
    return await _end_all(call, call.signed_in.id, call.session)


async def end_of_user(call: Call) -> Reply:
    """End one of a user's sessions."""
    return await _end_one(call, call.record_id)


async def end_all_of_user(call: Call) -> Reply:
    """End all of a user's sessions."""
    return await _end_all(call, call.record_id, None)


async def _listed(call: Call, user: int) -> Reply:
    query = call.query(Page)
    async with call.doors.pool.connection() as connection:
        count, sessions = await live(connection, user, query.size, query.offset)
    ready = b",".join(msgspec.json.encode(_out(session, call.session)) for session in sessions)
    return page_reply(call, query, count, ready)


async def _end_one(call: Call, user: int) -> Reply:
    session: UUID = call.request.path_params["session"]
    return await _end(call, user, "end_session", {"session": session}, end_one(user, session))


async def _end_all(call: Call, user: int, kept: UUID | None) -> Reply:
    return await _end(call, user, "end_sessions", {"kept": kept}, end_all(user, kept))


async def _end(call: Call, user: int, trigger: str, which: dict[str, UUID | None], end: Statement) -> Reply:
    """End sessions: `which` is the one, or the one that is kept. Raises NotFound where the one is over."""
    check_reads(call, user)
    step = USERS.step(trigger)

    async def decide(loaded: Loaded) -> list[Event]:
        USERS.authorize(step, loaded.record, call.actor)
        async with call.doors.pool.connection() as connection:
            live = await has_live(connection, user, **which)
        if not live and "session" in which:
            raise NotFound("There is no such session, or it is over.")
        query, body = together(lambda: call.query(RemovalQuery), lambda: call.body.read(RemovalIn))
        given = Given(reason=query.reason or body.reason)
        return [USERS.decide(step, loaded.record, await attempt(call, loaded, given), which)] if live else []

    answer = await change(call, USERS, user, decide, lambda _: Reply(status=204), statements=lambda _: [end])
    call.doors.ended.hear()
    return answer


def _out(session: Session, current: UUID | None) -> SessionOut:
    return SessionOut(
        id=session.id,
        created_at=seconds(session.created_at),
        last_used_at=seconds(session.last_used_at),
        expires_at=seconds(session.expires_at),
        address=session.address,
        user_agent=session.user_agent,
        current=session.id == current,
    )
