"""The story of a record, and what it was at a time."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from audit.story import find_stream, state_at, story
from domain.events import Signature, stream_id
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import DepartmentApproved, Rejected
from ledger.read import read_stream
from tests.projections.stage import Stage
from tests.support.database import Database

pytestmark = pytest.mark.anyio
STREAM = stream_id("deviation", 1)


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """A user, and a deviation that he reported and that went through all its steps."""
    made = Stage(database, tmp_path)
    await made.open()
    await made.user("jdoe")
    await made.deviation(steps=4, actor=1)
    yield made
    await made.close()


async def test_a_story_has_a_line_an_event(stage: Stage) -> None:
    """Position, version, who, event, states, what changed, the words said."""
    lines = await story(stage.connection, stage.codec, STREAM)
    assert [line.split("  ")[:2] for line in lines] == [[str(n + 1), f"v{n}"] for n in range(1, 6)]
    assert [line.split("  ")[3:5] for line in lines] == [
        ["jdoe (user 1)", "deviation.created"],
        ["the system", "deviation.investigator_assigned"],
        ["the system", "deviation.investigation_recorded"],
        ["the system", "deviation.investigation_submitted"],
        ["jdoe (user 1)", "deviation.department_approved"],
    ]
    assert "→ OPEN" in lines[0]
    assert 'title "Wrong label"' in lines[0]
    assert 'OPEN → UNDER_INVESTIGATION  investigator 1  comment "please"' in lines[1]
    assert 'investigation.findings "None of it was shipped."' in lines[2]
    assert not any("null → null" in line or "\n" in line for line in lines)


async def test_a_change_is_told_with_what_was_before(stage: Stage) -> None:
    """Before and after."""
    await stage.edit(1, "Right\nlabel")
    assert r'title "Wrong label" → "Right\nlabel"' in (await story(stage.connection, stage.codec, STREAM))[-1]


@pytest.mark.clause("11.50")
async def test_a_signature_is_told_in_words(stage: Stage) -> None:
    """Who signed, as what name, when, meaning what; and the reason given."""
    signature = Signature(
        signer=1,
        name=stage.vault.personal(stream_id("user", 1), "name", {"name": "Jo Doe"}),
        meaning="I approve.",
        at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
        stream=STREAM,
        version=6,
        digest="sha256:0",
    )
    await stage.move(1, DepartmentApproved(signature=signature), Rejected(reason="not enough"))
    signed, rejected = (await story(stage.connection, stage.codec, STREAM))[-2:]
    assert 'signed by Jo Doe, jdoe (user 1), at 2026-05-04 03:02:01.000000Z, meaning "I approve."' in signed
    assert 'reason "not enough"' in rejected


async def test_who_was_erased_stays_a_number(stage: Stage) -> None:
    """The story goes on without the name."""
    for key in (stage.folder / "keys" / "persons").iterdir():
        key.unlink()
    assert "  erased user 1  deviation.created" in (await story(stage.connection, stage.codec, STREAM))[0]
    assert (await state_at(stage.connection, stage.codec, stream_id("user", 1), 1))["name"] == "erased"


async def test_the_state_at_every_version_and_time_is_the_fold_up_to_there(stage: Stage) -> None:
    """By number, by text, and by the time of the event that made it."""
    events = stage.codec.recorded(await read_stream(stage.connection, STREAM))
    for count, event in enumerate(events, 1):
        expected = msgspec.to_builtins(DEVIATIONS.fold(events[:count]))
        for at in (count, str(count), f"v{count}", event.at, event.at.isoformat()):
            assert await state_at(stage.connection, stage.codec, STREAM, at) == expected


async def test_a_time_is_compared_to_the_microsecond_and_in_utc(stage: Stage) -> None:
    """A naive time is UTC; any zone may be named."""
    at = (await read_stream(stage.connection, STREAM))[1].recorded_at
    for same in (at, at.replace(tzinfo=None), at.astimezone(timezone(timedelta(hours=5)))):
        assert (await state_at(stage.connection, stage.codec, STREAM, same))["version"] == 2
        before = await state_at(stage.connection, stage.codec, STREAM, same - timedelta(microseconds=1))
        assert before["version"] == 1


async def test_a_date_is_that_days_end(stage: Stage) -> None:
    """So what happened on the day is in it; the day before, there was no record."""
    today = (await read_stream(stage.connection, STREAM))[0].recorded_at.date()
    assert (await state_at(stage.connection, stage.codec, STREAM, today.isoformat()))["status"] == "APPROVED"
    with pytest.raises(LookupError, match="The record began at"):
        await state_at(stage.connection, stage.codec, STREAM, (today - timedelta(days=1)).isoformat())


@pytest.mark.parametrize("version", [0, 6, "0", "99"])
async def test_a_version_that_there_is_none_of_is_refused(stage: Stage, version: int | str) -> None:
    """The message says which there are."""
    with pytest.raises(LookupError, match="versions 1 to 5"):
        await state_at(stage.connection, stage.codec, STREAM, version)


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "9999-12-31x", ""])
async def test_a_text_that_is_no_time_is_refused(stage: Stage, text: str) -> None:
    """The message shows what would be one."""
    with pytest.raises(ValueError, match="no version"):
        await state_at(stage.connection, stage.codec, STREAM, text)


@pytest.mark.parametrize("text", ["DEV-2026-0001", " dev-2026-0001 ", "deviation/1", str(STREAM), STREAM.hex.upper()])
@pytest.mark.parametrize("projected", [True, False])
async def test_a_stream_is_found_by_each_of_its_names(stage: Stage, text: str, *, projected: bool) -> None:
    """With a read model that has it, and from the ledger alone."""
    if projected:
        await stage.run()
    assert await find_stream(stage.connection, stage.codec, text) == STREAM


@pytest.mark.parametrize("text", ["CAPA-2026-0001", "capa/1"])
@pytest.mark.parametrize("projected", [True, False])
async def test_a_capa_is_found_and_told_as_a_deviation_is(stage: Stage, text: str, *, projected: bool) -> None:
    """Its actions by their ids, field by field."""
    await stage.capa(steps=5)
    if projected:
        await stage.run()
    stream = await find_stream(stage.connection, stage.codec, text)
    lines = await story(stage.connection, stage.codec, stream)
    assert [line.split("  ")[4] for line in lines] == [
        *("capa.created", "capa.owner_assigned", "capa.investigation_started", "capa.updated"),
        *("capa.action_added", "capa.cancelled"),
    ]
    assert 'capa_number "CAPA-2026-0001"' in lines[0]
    assert 'actions.1.kind "CORRECTIVE"; actions.1.description "Print them anew"' in lines[4]


async def test_altered_bytes_are_in_no_ones_way(stage: Stage) -> None:
    """A number that the read model lacks is looked for in what can be read."""
    await stage.append_raw(uuid.uuid4(), ("deviation.created", b'{"id": "x", "number":"DEV-2026-0002"}'))
    await stage.append_raw(uuid.uuid4(), ("deviation.created", b'\xff"DEV-2026-0002"'))
    await stage.deviation('it mentions "DEV-2026-0002"')
    assert await find_stream(stage.connection, stage.codec, "DEV-2026-0002") == stream_id("deviation", 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("DEV-2026-0777", "There is no DEV-2026-0777"),
        ("deviation/777", "There is no stream deviation/777"),
        ("capa/1", "There is no stream capa/1"),
        ("CAPA-2026-0001", "There is no CAPA-2026-0001"),
        ("nonsense/1", "no records of kind 'nonsense'. There are: deviation, capa, user, webhook"),
        (str(uuid.UUID(int=1)), "There is no stream 0000"),
        ("whatever", "'whatever' names no stream"),
    ],
)
async def test_what_there_is_none_of_is_said(stage: Stage, text: str, says: str) -> None:
    """In the words of who asked."""
    with pytest.raises(LookupError, match=says):
        await find_stream(stage.connection, stage.codec, text)


async def test_a_stream_of_someone_elses_events_has_no_story(stage: Stage) -> None:
    """Its names are not ours."""
    stream = uuid.uuid4()
    await stage.append_raw(stream, ("library:Thing", b""))
    with pytest.raises(LookupError, match="no record of ours"):
        await story(stage.connection, stage.codec, stream)
