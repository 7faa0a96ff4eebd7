"""Whoever is erased, the record is whole, folds, and gives the same read models."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.replay import replay
from audit.verify import verify
from domain.catalogue import WORKFLOWS
from domain.events import Attempt, Signature, stream_id
from domain.platform.users import USERS, User
from domain.quality import deviation_facts as facts
from ledger.append import Append, Plan, Proposed, Statement
from ledger.checkpoint import make_checkpoint
from ledger.read import read_after, read_stream, stream_digest
from projections.erasures import Erasures
from projections.rebuild import rebuild
from tests.domain.test_users import SYSTEM
from tests.projections.stage import Stage
from tests.support.database import Database, Server

PEOPLE = range(1, 6)
_ROW = "INSERT INTO ops.erasures (user_id, stream, subject) VALUES (%s, %s, %s)"


def _steps(user: int) -> int:
    """How far a user's deviation goes; with the first step the stage makes user 1 its investigator."""
    return user % 4


async def _sign(stage: Stage, user: int) -> None:
    """Have a user sign the approval of a deviation, as the API would."""
    number = await stage.deviation(actor=user, steps=_steps(user))
    stream = stream_id("deviation", number)
    rows = await read_stream(stage.connection, stream)
    signature = Signature(
        signer=user,
        name=stage.vault.personal(stream_id("user", user), "name", {"name": "Jo Doe"}),
        meaning="I agree",
        at=datetime.now(UTC),
        stream=stream,
        version=len(rows) + 1,
        digest=stream_digest(rows),
    )
    closed = facts.Closed(actor=user, from_state="APPROVED", to_state="CLOSED", signature=signature)
    await stage.append(stream, stage.codec.sealed(closed))


async def _user(stage: Stage, number: int) -> User:
    it = USERS.fold(stage.codec.recorded(await read_stream(stage.connection, stream_id("user", number))))
    assert it is not None
    return it


async def _erase(stage: Stage, number: int) -> None:
    it = await _user(stage, number)
    event = USERS.decide(USERS.step("erase"), it, Attempt(actor=SYSTEM, reason="Asked."), {})
    proposed = Proposed(it.stream, it.version + 1, event.topic, stage.codec.encode(event))
    row = Statement(_ROW, (number, it.stream, it.name.subject))
    await stage.writer.append(Append(lambda _: Plan([proposed], [row]), [(it.stream, it.version + 1)]))


async def _holding(stage: Stage) -> list[bool]:
    events = stage.codec.recorded(await read_after(stage.connection, 0, 10_000))
    return [stage.codec.holds(it.event) for it in events if it.event.signature is not None]


async def _fold(stage: Stage) -> list[bytes]:
    """Fold every record of a kind that has a workflow; return their JSON."""
    encoder = msgspec.json.Encoder(enc_hook=repr)
    streams = await stage.rows("SELECT originator_id, min(topic) FROM ledger.events GROUP BY 1 ORDER BY 1")
    folded = []
    for stream, topic in streams:
        events = stage.codec.recorded(await read_stream(stage.connection, stream))
        folded.append(encoder.encode(WORKFLOWS[topic.partition(".")[0]].fold(events)))
    return folded


async def _play(database: Database, folder: Path, erased: set[int], signed: set[int]) -> None:
    stage = Stage(database, folder)
    await stage.open()
    try:
        for number in PEOPLE:
            await stage.user(f"user{number}")
        for number in signed:
            await _sign(stage, number)
        involved = signed | ({1} if any(_steps(number) for number in signed) else set())
        before = await _fold(stage)
        for number in erased:
            await _erase(stage, number)
        work = Erasures(
            lambda: _Lent(stage), stage.writer, stage.codec, now=lambda: datetime.now(UTC), patience_seconds=0
        )
        for _ in range(len(PEOPLE) + 1):
            await work.destroy()
            await work.once()
        await stage.run()
        for number in PEOPLE:
            it = await _user(stage, number)
            assert (it.name.value is None) == (it.contact.value is None) == (number in erased)
            assert (it.printed is not None) == (number in erased & involved)
        assert all(await _holding(stage))
        assert len(await _holding(stage)) == len(signed)
        assert len(await _fold(stage)) == len(before)
        _verified(database, folder, stage)
        assert (await replay(stage.connection, stage.codec)).ok
        rows = {name: await stage.table(name) for name in ("users", "deviations")}
        await rebuild(stage.url, stage.codec)
        assert {name: await stage.table(name) for name in rows} == rows
    finally:
        await stage.close()


class _Lent:
    """Lend the stage's own connection."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def __aenter__(self) -> psycopg.AsyncConnection[object]:
        return self.stage.connection

    async def __aexit__(self, *_: object) -> None:
        """Keep it."""


def _verified(database: Database, folder: Path, stage: Stage) -> None:
    file, keys = folder / "checkpoints.log", stage.vault.keys
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        make_checkpoint(connection, keys, file)
        report = verify(connection, keys.verifiers(), file)
    assert report.ok, report


@pytest.mark.long
@settings(max_examples=8, deadline=None)
@given(st.sets(st.sampled_from(PEOPLE)), st.sets(st.sampled_from(PEOPLE)))
@pytest.mark.clause("11.10(a)")
def test_erasing_anybody_leaves_the_record_whole(
    server: Server, tmp_path_factory: pytest.TempPathFactory, erased: set[int], signed: set[int]
) -> None:
    """Whoever is erased, and whoever of them has signed."""
    with server.database() as database:
        asyncio.run(_play(database, tmp_path_factory.mktemp("erased"), erased, signed))
