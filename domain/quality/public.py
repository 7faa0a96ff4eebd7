"""The names under which webhooks are told of the facts of deviations and CAPAs."""

from domain.events import Event

_APPROVED = "APPROVED"


def public_name(event: Event) -> str:
    """Return a fact's public name: created, approved on reaching that state, closed, else updated."""
    if event.topic in (f"{event.kind}.created", f"{event.kind}.closed"):
        return event.topic
    return f"{event.kind}.{'approved' if event.to_state == _APPROVED != event.from_state else 'updated'}"
