"""What was refused and what was taken out, recorded before the answer goes out; see docs/decisions/audit-trail.md."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import structlog
from msgspec.structs import replace

from domain.catalogue import WORKFLOWS
from domain.errors import Denied, Hidden
from domain.events import Actor, Attempt, Event, stream_id
from domain.platform.access import ACCESS, KIND, Access
from domain.platform.users import fold_name
from domain.table import Data
from ledger.append import Allotment, Append, Plan, Proposed

if TYPE_CHECKING:
    from api.call import Call

log = structlog.get_logger(__name__)

#: Of which record a path speaks: `/api/deviations/{id:int}/…`, `/api/media/capa_attachments/{id:int}/…`.
_OF_RECORD: Final = re.compile(r"/([a-z]+?)(?:s|_attachments)/\{id:int\}")
#: What a path's parameters are written as where the path is a fact.
_KIND_IN_PATH: Final = re.compile(r":\w+\}")
#: Half of the hash of a name tells names apart.
_NAME_BYTES: Final = 16


async def exported(call: "Call", what: str, form: str, record: str = "") -> None:
    """Record that something is taken out. Raises what an append does: what can't be recorded is not given."""
    await _append(call, _fact(call, "export", {"what": what, "form": form, "record": record}))


async def sign_in_failed(call: "Call", user: int | None, name: str, why: str) -> None:
    """Record that somebody is not let in: the user whose name it is, or the keyed hash of a name that nobody bears."""

    def data() -> Data:
        unknown = "" if user else call.doors.vault.keys.name_hash(fold_name(name))[:_NAME_BYTES].hex()
        return {"user": user or None, "name": unknown, "why": why}

    await _refused(call, "fail_sign_in", data)


async def signature_refused(call: "Call", why: str) -> None:
    """Record that a signature of who asks was not taken. The refusal that follows is not recorded once more."""
    call.refusal_recorded = True
    await _refused(call, "refuse_signature", lambda: {"why": why})


async def denied(call: "Call", method: str, path: str, refusal: Denied | Hidden) -> None:
    """Record that who is signed in was refused at a door; nothing where that was recorded already."""
    if call.refusal_recorded or call.user is None:
        return
    await _refused(call, "deny", lambda: _denial(call, method, path, refusal))


def _denial(call: "Call", method: str, path: str, refusal: Denied | Hidden) -> Data:
    hidden = isinstance(refusal, Hidden)
    return {
        "permission": refusal.permission,
        "says": f"This needs the permission {refusal.permission}." if hidden else str(refusal),
        "method": method,
        "path": _KIND_IN_PATH.sub("}", path),
        "record": _record(call, path),
        "hidden": hidden,
    }


def _record(call: "Call", path: str) -> str:
    found = _OF_RECORD.search(path)
    return f"{found[1]}/{call.request.path_params['id']}" if found and found[1] in WORKFLOWS else ""


def _fact(call: "Call", trigger: str, data: Data) -> Event:
    attempt = Attempt(
        actor=Actor(id=call.user.id if call.user else None),
        source=call.source,
        request=call.request_id,
        correlation=call.correlation,
    )
    return ACCESS.decide(ACCESS.step(trigger), Access(), attempt, data)


async def _refused(call: "Call", trigger: str, data: Callable[[], Data]) -> None:
    """Append the fact of a refusal; whatever becomes of that, the refusal goes out."""
    try:
        await _append(call, _fact(call, trigger, data()))
    except Exception as error:  # noqa: BLE001 - nobody is let in because the database is away
        topic, says = ACCESS.step(trigger).event.topic, f"{type(error).__name__}: {error}"[:200]
        log.error("refusal_not_recorded", fact=topic, error=says)  # noqa: TRY400 - no bug of the doors


async def _append(call: "Call", event: Event) -> None:
    def plan(allotment: Allotment) -> Plan:
        number = allotment.next(event.numbered["id"])
        state = call.doors.codec.encode(replace(event, id=number))
        return Plan([Proposed(stream_id(KIND, number), 1, event.topic, state)])

    await call.doors.writer.append(Append(plan))
