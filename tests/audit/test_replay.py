"""Replaying the ledger: every way in which a read model can be wrong is found, and said."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audit.differences import Kind
from audit.replay import replay
from domain.events import stream_id
from ledger.connect import connect
from projections.rebuild import rebuild
from tests.projections.stage import Stage
from tests.support.database import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """Users, deviations and a CAPA, and the read models of them."""
    made = Stage(database, tmp_path)
    await made.open()
    user = await made.user()
    for steps in (0, 3, 1, 4, 2):
        await made.deviation(steps=steps, actor=user)
    await made.capa(steps=4)
    await made.run()
    yield made
    await made.close()


async def _sentences(stage: Stage) -> list[str]:
    report = await replay(stage.connection, stage.codec)
    assert report.ok is (not report.differences)
    assert report.found == len(report.differences)
    return [difference.sentence() for difference in report.differences]


async def test_read_models_that_are_right_agree_with_the_ledger(stage: Stage) -> None:
    """The report says what was compared."""
    report = await replay(stage.connection, stage.codec)
    assert report.ok
    assert (report.events, report.streams, report.foreign, report.found) == (21, 7, {}, 0)
    assert [(it.name, it.position, it.behind, it.events, it.streams) for it in report.models] == [
        ("deviations", 21, 0, 15, 5),
        ("capas", 21, 0, 5, 1),
        ("users", 21, 0, 1, 1),
        ("webhooks", 21, 0, 0, 0),
        ("reports", 21, 0, 20, 6),
        ("versions", 21, 0, 20, 6),
        ("trail", 21, 0, 21, 7),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'CLOSED'", "status is 'CLOSED' in the read model, 'OPEN' by the ledger"),
        ("number = 'DEV-1'", "number is 'DEV-1' in the read model, 'DEV-2026-0001' by the ledger"),
        ("version = 9", "version is 9 in the read model, 1 by the ledger"),
        ("position = 9", "position is 9 in the read model, 2 by the ledger"),
        (
            r"""summary = convert_to(replace(convert_from(summary, 'UTF8'), 'Wrong label', 'Right label'), 'UTF8')""",
            "summary.title is 'Right label' in the read model, 'Wrong label' by the ledger",
        ),
        (
            r"""record = convert_to(replace(convert_from(record, 'UTF8'), '"due_date":"', '"due":"'), 'UTF8')""",
            "record.due_date is '(not there)' in the read model, '",
        ),
        ("record = 'no JSON'", "record is b'no JSON' in the read model, '(not there)' by the ledger"),
        ("summary = summary || ' '", "summary is b'{"),
    ],
)
@pytest.mark.clause("11.10(a)", negative=True)
async def test_an_altered_row_is_named_with_its_field_and_both_values(stage: Stage, change: str, said: str) -> None:
    """Columns, the folded record and the ready JSON alike, the latter two field by field."""
    await stage.connection.execute(f"UPDATE deviations SET {change} WHERE id = 1")
    sentences = await _sentences(stage)
    assert sentences
    assert all(it.startswith("deviations: deviation/1: ") for it in sentences)
    assert any(said in it for it in sentences)


async def test_a_time_that_is_a_microsecond_off_is_found(stage: Stage) -> None:
    """What lists are ordered by is compared exactly."""
    await stage.connection.execute("UPDATE deviations SET initiated_at = initiated_at + interval '1 microsecond'")
    assert [it.split(":")[2].split()[0] for it in await _sentences(stage)] == ["initiated_at"] * 5


async def test_a_row_that_is_gone_is_missed(stage: Stage) -> None:
    """By its record."""
    await stage.connection.execute("DELETE FROM deviations WHERE id = 3")
    assert await _sentences(stage) == ["deviations: deviation/3 is in the ledger and not in the read model"]


async def test_a_row_that_no_event_made_is_named(stage: Stage) -> None:
    """Wherever it comes in the order of streams."""
    for stream in ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"):
        await stage.connection.execute(
            """INSERT INTO users (id, stream, version, position, active, record)
            SELECT id + 100 + (SELECT count(*) FROM users), %s, version, position, active, record
            FROM users WHERE id = 1""",
            (stream,),
        )
    sentences = await _sentences(stage)
    assert sentences == [f"users: user/{id_} is in the read model and not in the ledger" for id_ in (102, 103)]


async def test_all_rows_gone_and_others_in_their_place_are_counted_but_not_all_listed(stage: Stage) -> None:
    """A report stays readable when everything is wrong."""
    await stage.crowd(250)
    await stage.run()
    await stage.connection.execute("UPDATE deviations SET status = 'CLOSED'")
    report = await replay(stage.connection, stage.codec)
    assert (report.models[0].differing, report.found, len(report.differences)) == (255, 255, 100)


async def test_events_that_a_read_model_has_not_passed_are_left_out_and_said(stage: Stage) -> None:
    """A read model that is behind is not wrong."""
    await stage.edit(1, "Not seen yet")
    await stage.deviation()
    report = await replay(stage.connection, stage.codec)
    assert report.ok
    assert [(it.name, it.position, it.behind) for it in report.models] == [
        ("deviations", 21, 2),
        ("capas", 21, 0),
        ("users", 21, 0),
        ("webhooks", 21, 0),
        ("reports", 21, 2),
        ("versions", 21, 2),
        ("trail", 21, 2),
    ]


async def test_a_read_model_that_has_not_begun_must_be_empty(stage: Stage) -> None:
    """All its events are still to come."""
    await stage.connection.execute("DELETE FROM ops.positions WHERE name = 'users'")
    assert await _sentences(stage) == ["users: user/1 is in the read model and not in the ledger"]


async def test_names_that_are_not_ours_are_counted_and_passed_over(stage: Stage) -> None:
    """Also in the streams of our records, and whatever their bytes are."""
    await stage.foreign(3, "library:Thing")
    await stage.foreign(2, "deviation.unheard_of")
    await stage.append_raw(stream_id("deviation", 1), ("library:Other", b"{"))
    await stage.run()
    report = await replay(stage.connection, stage.codec)
    assert report.ok
    assert report.events == 27
    assert report.foreign == {"deviation.unheard_of": 2, "library:Other": 1, "library:Thing": 3}


async def test_an_event_that_can_not_be_folded_is_a_finding(stage: Stage) -> None:
    """It ends the comparison of the read models that fold it; the others, and the trail of events, are compared."""
    position = await stage.append_raw(stream_id("deviation", 77), ("deviation.closed", b"{}"))
    await stage.connection.execute("UPDATE ops.positions SET position = %s", (position,))
    await stage.connection.execute("DELETE FROM users")
    report = await replay(stage.connection, stage.codec)
    assert [it.kind for it in report.differences] == [
        Kind.UNREADABLE,
        Kind.MISSING,
        *[Kind.UNREADABLE] * 2,
        Kind.MISSING,
    ]
    assert f"position {position}: AssertionError" in report.differences[0].sentence()


@pytest.mark.long
async def test_replay_sees_one_state_while_events_are_applied_and_tables_are_rebuilt(stage: Stage) -> None:
    """Neither a write nor a rebuild that happens meanwhile makes a difference that there is none of."""
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            await asyncio.gather(*(stage.edit(number, "edited") for number in range(1, 6)), stage.deviation())

    async def renew() -> None:
        while not stop.is_set():
            await rebuild(stage.url, stage.codec, ["deviations"])

    async with stage.running():
        tasks = [asyncio.create_task(write()), asyncio.create_task(renew())]
        other = await connect(stage.url, "auditor")
        for _ in range(15):
            report = await replay(other, stage.codec)
            assert report.ok, [it.sentence() for it in report.differences]
        stop.set()
        await asyncio.gather(*tasks)
        await other.close()


async def test_progress_ends_with_all_events_that_are_ours(stage: Stage) -> None:
    """Events of other names are not waited for; those that several read models take are compared as often."""
    await stage.foreign(5)
    told: list[tuple[int, int]] = []
    await replay(stage.connection, stage.codec, lambda done, total: told.append((done, total)))
    assert told[-1] == (82, 82)
