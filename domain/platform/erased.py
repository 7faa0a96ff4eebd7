"""People who were erased: the facts of it, and what is shown of their events from then on."""

from collections.abc import Sequence

from msgspec.structs import replace

from domain.events import Event, Personal, Recorded, fact
from domain.given import own_fields


@fact("user.erased")
class UserErased(Event, frozen=True, kw_only=True):
    """What was known of the person is destroyed, but for the printed name where a record still keeps that."""


@fact("user.name_erased")
class UserNameErased(Event, frozen=True, kw_only=True):
    """No record keeps the printed name of an erased user any more: it is destroyed, too."""


def concealed(events: Sequence[Recorded]) -> Sequence[Recorded]:
    """Return a user's events as they are shown: from the erasure on with nothing personal in any of them.

    Of other records, and of users who are not erased, they are what they were.
    """
    if not any(isinstance(recorded.event, UserErased) for recorded in events):
        return events
    return [replace(recorded, event=_unsaid(recorded.event)) for recorded in events]


def _unsaid(event: Event) -> Event:
    said = {name: getattr(event, name) for name in own_fields(type(event))}
    return replace(event, **{name: gone(value) for name, value in said.items() if isinstance(value, Personal)})


def gone(personal: Personal) -> Personal:
    """Return personal data of which not even the sealed bytes are there."""
    return Personal(personal.subject, personal.purpose, b"", None)
