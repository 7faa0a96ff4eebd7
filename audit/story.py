"""The story of one record, and what it was at a time: folded from its events, never read from a view."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from audit.streams import events_of, find_stream
from domain.catalogue import WORKFLOWS
from domain.events import Event, Personal
from domain.platform.users import User
from domain.times import moment
from ledger.codec import Codec
from projections.history import Change, Entry, history
from projections.people import People
from projections.shown import printed_name

__all__ = ["find_stream", "state_at", "story"]

_LONGEST = 120
_VERSION = re.compile(r"v?([0-9]{1,9})")


async def story(connection: AsyncConnection[Any], codec: Codec, stream: UUID) -> list[str]:
    """Return one line an event: position, version, time, who, event, states, changes, words, signature.

    Raises LookupError where there is no such stream.
    """
    events = await events_of(connection, codec, stream)
    ids = {user for it in events for user in (it.event.actor, _signer(it.event)) if user is not None}
    people = await People(codec).get(connection, ids)
    return [_line(entry, people) for entry in history(WORKFLOWS[events[0].event.kind], events)]


async def state_at(
    connection: AsyncConnection[Any], codec: Codec, stream: UUID, at: datetime | int | str
) -> dict[str, Any]:
    """Return the record as it was at a time (naive is UTC) or a version, readable.

    A text is read as `as_of` is: a date is that day's end UTC, a time in whole seconds that second's.
    Raises LookupError before the record began, past its last version and where there is none, ValueError for a text
    that is no time, date or version.
    """
    wanted = _wanted(at) if isinstance(at, str) else _past(at) if isinstance(at, datetime) else at
    events = await events_of(connection, codec, stream)
    if isinstance(wanted, int):
        if not events[0].version <= wanted <= events[-1].version:
            raise LookupError(f"The record has the versions {events[0].version} to {events[-1].version}.")
        past = [it for it in events if it.version <= wanted]
    else:
        past = [it for it in events if it.at < wanted]
    if not past:
        raise LookupError(f"The record began at {_time(events[0].at)}.")
    record = WORKFLOWS[events[0].event.kind].fold(past)
    state: dict[str, Any] = msgspec.to_builtins(record, enc_hook=_readable)
    return state


def _wanted(text: str) -> datetime | int:
    """Return a version, or the first moment past a time."""
    if version := _VERSION.fullmatch(text.strip()):
        return int(version[1])
    try:
        return moment(text.strip(), end=True)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time (2026-01-31T12:00:00Z), no date (2026-01-31) and no version (3)."
        ) from None


def _past(at: datetime) -> datetime:
    """Return the first moment past another; a naive one is UTC."""
    return (at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)) + timedelta(microseconds=1)


def _readable(value: Any) -> Any:
    if isinstance(value, Personal):
        return "erased" if value.value is None else dict(value.value)
    raise NotImplementedError(f"records hold no {type(value).__name__}")


def _line(entry: Entry, people: dict[int, User]) -> str:
    recorded, event = entry.recorded, entry.recorded.event
    return "  ".join(
        [
            str(recorded.position),
            f"v{recorded.version}",
            _time(recorded.at),
            _who(event.actor, people, event.kind),
            event.topic,
            *_moved(event),
            *_changed(entry.changes),
            *(f"{name} {_text(words)}" for name in ("reason", "comment") if (words := getattr(event, name))),
            *_signed(event, people),
        ]
    )


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%fZ")


def _who(user: int | None, people: dict[int, User], kind: str) -> str:
    if user is None:
        return "the system"
    erased, known = f"erased user {user}", people.get(user)
    if known is not None and known.name.value is not None:
        return f"{known.name.get('username')} (user {user})"
    name = printed_name(user, people, kind)
    return erased if name == erased else f"{name} ({erased})"


def _moved(event: Event) -> list[str]:
    if event.to_state is None or event.to_state == event.from_state:
        return []
    return [f"{event.from_state} → {event.to_state}" if event.from_state else f"→ {event.to_state}"]


def _changed(changes: Sequence[Change]) -> list[str]:
    said = [
        f"{it.field} {_text(it.after)}"
        if it.before in (None, "", ())
        else f"{it.field} {_text(it.before)} → {_text(it.after)}"
        for it in changes
    ]
    return ["; ".join(said)] if said else []


def _signed(event: Event, people: dict[int, User]) -> list[str]:
    signature = event.signature
    if signature is None:
        return []
    name = signature.name.get("name", f"erased user {signature.signer}")
    who = _who(signature.signer, people, event.kind)
    return [f"signed by {name}, {who}, at {_time(signature.at)}, meaning {_text(signature.meaning)}"]


def _signer(event: Event) -> int | None:
    return event.signature.signer if event.signature else None


def _text(value: Any) -> str:
    """Return a value on one line, cut where it is long: the state at a version shows it whole."""
    text = json.dumps(msgspec.to_builtins(value, enc_hook=_readable), ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
