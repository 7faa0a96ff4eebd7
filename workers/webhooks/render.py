"""Facts as subscribers are told of them: the public name, and the exact bytes of the body."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import NAMESPACE_URL, uuid5

import msgspec

from domain.events import Event, Recorded
from domain.platform.users import User
from domain.quality.capa import CAPAS
from domain.quality.deviation import DEVIATIONS
from domain.quality.public import public_name
from domain.workflow import Record, Workflow
from ledger.rows import microseconds
from projections import capa_views, deviation_views
from projections.shown import seconds, user_ref

R = TypeVar("R", bound=Record)
People = Mapping[int, User]

_MESSAGES = uuid5(NAMESPACE_URL, "https://flowledger.dev/messages")


@dataclass(frozen=True)
class Told(Generic[R]):
    """How one kind of record is told of: its public name, whose names it shows, and its representation.

    shown: takes the record, people by id, what other records said when the fact happened, and what links begin with.
    """

    workflow: Workflow[R]
    name: Callable[[Event], str]
    people: Callable[[R], set[int]]
    shown: Callable[[R, People, Any, str], Any]


#: Every kind of record whose facts subscribers are told of.
TOLD: Mapping[str, Told[Any]] = {
    told.workflow.kind: told
    for told in (
        Told(DEVIATIONS, public_name, deviation_views.people_in, deviation_views.detail),
        Told(CAPAS, public_name, capa_views.people_in, capa_views.detail),
    )
}


def name_of(event: Event) -> str:
    """Return the public name of a fact of a kind in `TOLD`."""
    return TOLD[event.kind].name(event)


def people_of(recorded: Recorded, record: Any) -> set[int]:
    """Return the ids of everybody whom the body of a fact names."""
    actor = recorded.event.actor
    return TOLD[recorded.event.kind].people(record) | ({actor} if actor is not None else set())


def body_of(recorded: Recorded, record: Any, people: People, beside: Any, base: str = "") -> bytes:
    """Return the body that tells of a fact, with the record as that fact left it; its links begin with `base`.

    beside: what the record's detail shows of other records, as they were then.
    """
    event, told = recorded.event, TOLD[recorded.event.kind]
    data: dict[str, Any] = msgspec.to_builtins(told.shown(record, people, beside, base))
    data["changed_by"] = _changed_by(event.actor, people)
    if event.from_state is not None and event.to_state not in (None, event.from_state):
        data |= {"old_status": event.from_state, "new_status": event.to_state}
    return msgspec.json.encode({"event": name_of(event), "timestamp": seconds(recorded.at), "data": data})


def message_id(endpoint: int, recorded: Recorded) -> str:
    """Return the id of the message that tells an endpoint of a fact.

    The same each time it is asked, so that dispatching twice is a no-op. The time keeps the ids of different
    installations apart, whose records have the same streams.
    """
    said = f"{endpoint}/{recorded.position}/{recorded.stream}/{microseconds(recorded.at)}/{name_of(recorded.event)}"
    return f"msg_{uuid5(_MESSAGES, said).hex}"


def _changed_by(actor: int | None, people: People) -> dict[str, Any] | None:
    user = user_ref(actor, people)
    return None if user is None else {"id": user.id, "username": user.username}
