"""Comparing stored files with the events that tell of them: is each there, whole, and unchanged."""

import time
from collections.abc import AsyncGenerator, Callable
from hashlib import sha256
from typing import Any

from msgspec import Struct
from psycopg import AsyncConnection

from audit.report import Findings, Problem
from domain.events import FACTS
from domain.quality.attachments import FileAdded
from ledger.codec import Codec
from ledger.queries import queries
from ledger.store import FileMissing, Files, is_key

_SQL = queries("audit", "files")
_PAGE = 200
_TOPICS = [topic for topic, fact in FACTS.items() if issubclass(fact, FileAdded)]

#: Called with how many files were read, and how many there are.
Progress = Callable[[int, int], None]


class FilesReport(Struct, frozen=True, kw_only=True):
    """What was found: a hundred problems at most, by position; `found` says how many there were."""

    ok: bool
    problems: tuple[Problem, ...]
    found: int
    files: int
    bytes: int
    seconds: float


async def check_files(
    connection: AsyncConnection[Any], codec: Codec, files: Files, progress: Progress = lambda done, total: None
) -> FilesReport:
    """Read every file that an event tells of, those that were taken off too. Memory is that of a few blocks.

    Raises StoreAway where the store can not be asked, msgspec.DecodeError for an event that can't be read.
    """
    begun = time.perf_counter()
    findings = Findings()
    done = read = 0
    row = await (await connection.execute(_SQL.count, (_TOPICS,))).fetchone()
    total = int(row[0]) if row else 0
    async for position, event in _told(connection, codec):
        wrong = await _wrong(files, event)
        if wrong:
            findings.add(position, wrong)
        done, read = done + 1, read + event.size
        progress(done, max(total, done))
    problems = findings.by_position()
    seconds = time.perf_counter() - begun
    return FilesReport(
        ok=not problems, problems=problems, found=findings.count, files=done, bytes=read, seconds=seconds
    )


async def _told(connection: AsyncConnection[Any], codec: Codec) -> AsyncGenerator[tuple[int, FileAdded], None]:
    position = 0
    while rows := await (await connection.execute(_SQL.added, (_TOPICS, position, _PAGE), binary=True)).fetchall():
        for position, topic, state in rows:
            event = codec.decode(topic, state)
            assert isinstance(event, FileAdded)  # noqa: S101 - of these topics
            yield position, event


async def _wrong(files: Files, event: FileAdded) -> str:
    """Return what is wrong with a file; "" for nothing."""
    name = f"The file {event.attachment_id} ({event.name})"
    if not is_key(event.key):
        return f"{name} can not be looked for: the key in the event is none."
    try:
        size = await files.size(event.key)
        if size != event.size:
            return f"{name} has {size} bytes; {event.size} were recorded."
        digest = sha256()
        async for block in files.read(event.key, 0, size):
            digest.update(block)
    except FileMissing:
        return f"{name} is not in the store."
    return "" if digest.hexdigest() == event.sha256 else f"{name} is not what was recorded: its content was changed."
