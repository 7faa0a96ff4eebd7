"""Access: what was refused, and what was taken out. One record a fact, so that no two of them ever conflict.

Nothing personal is in clear in any of them: a user is his id, a name that nobody bears is told by its keyed hash.
"""

from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.events import Event, Recorded, fact, stream_id
from domain.given import own_fields
from domain.workflow import Step, Who, Workflow

KIND, RECORDED = "access", "recorded"

#: Why somebody was not let in, or a signature was not taken. `expired`: the password is too old; `changed`: it was
#: changed, or the user deactivated, while it was compared.
WHYS = ("wrong_password", "locked", "inactive", "unknown", "second_factor", "expired", "changed")
#: What can be taken out.
EXPORTS = ("report", "copy", "proof", "trail", "attachment")


class Access(Struct, frozen=True, kw_only=True):
    """What one of the facts says; None of what it does not speak of."""

    id: int = 0
    stream: UUID = stream_id(KIND, 0)
    version: int = 0
    status: str = RECORDED
    user: int | None = None
    name: str | None = None
    why: str | None = None
    permission: str | None = None
    says: str | None = None
    method: str | None = None
    path: str | None = None
    record: str | None = None
    hidden: bool | None = None
    what: str | None = None
    form: str | None = None


@fact("access.sign_in_failed", numbered={"id": "access"})
class SignInFailed(Event, frozen=True, kw_only=True):
    """Somebody was not let in. `user`: whose name was given; `name`: the keyed hash of a name that nobody bears."""

    id: int = 0
    user: int | None = None
    name: str = ""
    why: str


@fact("access.signature_refused", numbered={"id": "access"})
class SignatureRefused(Event, frozen=True, kw_only=True):
    """Who is signed in did not show that he may sign: what he gave beside his session was not good."""

    id: int = 0
    why: str


@fact("access.denied", numbered={"id": "access"})
class AccessDenied(Event, frozen=True, kw_only=True):
    """Who is signed in asked for what he may not do or see.

    permission: the one that he lacks, "" where another rule said no. says: the rule, as he was told it. path: that of
    the door; record: the one that it was asked of. hidden: he was told that there is no such record.
    """

    id: int = 0
    permission: str = ""
    says: str = ""
    method: str
    path: str
    record: str = ""
    hidden: bool = False


@fact("access.exported", numbered={"id": "access"})
class AccessExported(Event, frozen=True, kw_only=True):
    """Something was taken out, in a form that is kept elsewhere. `record`: the one that it is of, or is narrowed to."""

    id: int = 0
    what: str
    form: str
    record: str = ""


def evolve(before: Access | None, recorded: Recorded) -> Access:
    """Fold a fact into its record. Total."""
    event = recorded.event
    told: dict[str, Any] = {name: getattr(event, name) for name in own_fields(type(event)).keys() & _TOLD}
    number = getattr(event, "id", before.id if before else 0)
    said: dict[str, Any] = {name: None if value == "" else value for name, value in told.items()}
    return Access(id=number, stream=recorded.stream, version=recorded.version, **said)


_TOLD = frozenset(Access.__struct_fields__) - {"id", "stream", "version", "status"}
_DOORS: Who[Access] = Who(None, "the doors themselves")
_STEPS: dict[str, type[Event]] = {
    "fail_sign_in": SignInFailed,
    "refuse_signature": SignatureRefused,
    "deny": AccessDenied,
    "export": AccessExported,
}

#: A record is there by nature, and told of once: whichever fact tells of it is its beginning.
ACCESS: Workflow[Access] = Workflow(
    kind=KIND,
    states=(RECORDED,),
    creation=None,
    steps=tuple(
        Step(trigger, (RECORDED,), None, event, (_DOORS,), edit=True)  # No client fires one: they have no door.
        for trigger, event in _STEPS.items()
    ),
    evolve=evolve,
    choices={"why": WHYS, "what": EXPORTS},
    native=lambda stream: Access(stream=stream),
)
