"""Finding a stream by what people call it."""

import re
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from domain.catalogue import WORKFLOWS
from domain.events import FACTS, Recorded, stream_id
from domain.platform.erased import concealed
from ledger.codec import Codec
from ledger.queries import queries
from ledger.read import read_stream
from ledger.rows import Row
from projections import capa_queries, deviation_queries

_SQL = queries("audit", "story")
_BY_ID = re.compile(r"([a-z_]+)/([0-9]{1,18})")
_NUMBER = re.compile(r"[A-Z]+-[0-9]{4}-[0-9]+")
#: The read models of records that have numbers.
_LISTINGS = (deviation_queries.LISTING, capa_queries.LISTING)


async def find_stream(connection: AsyncConnection[Any], codec: Codec, text: str) -> UUID:
    """Return the stream that is meant by `DEV-2026-0001`, `CAPA-2026-0001`, `deviation/1`, `capa/1` or an UUID.

    A number is looked up in the read model, and where that lacks it in the ledger itself, which is then read whole.
    Raises LookupError where there is none, or the text is none of these; says which.
    """
    asked = text.strip()
    by_id = _BY_ID.fullmatch(asked)
    if by_id and by_id[1] not in WORKFLOWS:
        raise LookupError(f"There are no records of kind {by_id[1]!r}. There are: {', '.join(WORKFLOWS)}.")
    if _NUMBER.fullmatch(asked.upper()):
        return await _numbered(connection, codec, asked.upper())
    stream = stream_id(by_id[1], int(by_id[2])) if by_id else _uuid(asked)
    if not await read_stream(connection, stream):
        raise LookupError(f"There is no stream {asked}.")
    return stream


async def events_of(connection: AsyncConnection[Any], codec: Codec, stream: UUID) -> list[Recorded]:
    """Return a stream's events whose names are ours, as they are shown. Raises LookupError where there is none."""
    events = codec.recorded(await read_stream(connection, stream))
    if not events:
        raise LookupError(f"There is no record of ours in the stream {stream}.")
    return list(concealed(events))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise LookupError(
            f"{text!r} names no stream: give its number (DEV-2026-0001), its kind and id (deviation/1), or its UUID."
        ) from None


async def _numbered(connection: AsyncConnection[Any], codec: Codec, number: str) -> UUID:
    for listing in _LISTINGS:
        if found := await listing.stream_of(connection, number):
            return found
    if found := await _scan(connection, codec, number):
        return found
    raise LookupError(f"There is no {number}.")


async def _scan(connection: AsyncConnection[Any], codec: Codec, number: str) -> UUID | None:
    topics = [topic for topic, fact in FACTS.items() if "number" in fact.numbered]
    cursor = await connection.execute(_SQL.begun_with, (topics, f'"{number}"'.encode()), binary=True)
    for row in (Row(*row) for row in await cursor.fetchall()):
        try:
            event = codec.decode(row.topic, row.state)
        except msgspec.DecodeError:  # Altered bytes: verifying tells of them.
            continue
        if getattr(event, "number", None) == number:
            return row.originator_id
    return None
