"""The audit trail's read model: a row for each event, found by what it says and in the order of a walk."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.replay import replay
from domain.events import FACTS, Event, Recorded, Source, stream_id
from domain.platform.erased import UserErased
from domain.platform.review import ACCEPTED, QUESTIONED, ReviewAccepted, ReviewQuestioned, ReviewResolved
from domain.platform.roles import RoleUpdated
from domain.platform.settings import SettingsChanged
from domain.platform.users import UserActivated
from domain.quality.deviation_facts import DeviationUpdated, Reopened
from projections.rebuild import rebuild
from projections.trail import TrailReadModel
from projections.trail_queries import NEWEST, Found, Place, TrailFilter, Walk, find, histories_of, queue
from projections.trail_words import question, split, words_of
from tests.domain.people import NOW, signature
from tests.projections.stage import Stage
from tests.properties.strategies import streams

pytestmark = pytest.mark.anyio


async def found(
    stage: Stage, walk: Walk = NEWEST, place: Place | None = None, limit: int = 50, **wanted: Any
) -> list[Found]:
    return await find(stage.connection, walk, TrailFilter(**wanted), place, limit)


async def positions(stage: Stage, walk: Walk = NEWEST, **wanted: Any) -> list[int]:
    return [it.position for it in await found(stage, walk, **wanted)]


async def reviewed(stage: Stage, position: int, *events: Event) -> None:
    await stage.append(stream_id("review", position), *events)


def accepted(position: int, actor: int = 9) -> Event:
    return ReviewAccepted(id=position, event="x.y", actor=actor, from_state="PENDING", to_state=ACCEPTED)


def questioned(position: int) -> Event:
    return ReviewQuestioned(id=position, event="x.y", actor=9, from_state="PENDING", to_state=QUESTIONED, reason="Why?")


async def test_an_event_is_a_row_with_what_it_is_found_by(stage: Stage) -> None:
    """Its record's id and number stand in each, whichever event bears them."""
    number = await stage.deviation()
    await stage.run()
    await stage.append(stream_id("deviation", number), Reopened(actor=5, reason="again", source=Source("192.0.2.1")))
    await stage.run()
    rows = await stage.rows(
        "SELECT position, version, kind, id, number, topic, actor, address, rank FROM trail ORDER BY 1"
    )
    assert rows == [
        (1, 1, "deviation", 1, "DEV-2026-0001", "deviation.created", None, "", 2),
        (2, 2, "deviation", 1, "DEV-2026-0001", "deviation.reopened", 5, "192.0.2.1", 0),
    ]


async def test_a_record_that_is_there_by_nature_is_known_by_its_id(stage: Stage) -> None:
    await stage.append(stream_id("settings", 1), SettingsChanged(time_zone="Africa/Kampala"))
    await stage.append(stream_id("role", 7), RoleUpdated(permissions=()))
    await stage.run()
    assert await stage.rows("SELECT kind, id FROM trail ORDER BY position") == [("settings", 1), ("role", 7)]


async def test_nothing_that_is_sealed_is_in_a_row(stage: Stage) -> None:
    """So that erasing somebody needs nothing here."""
    await stage.user("jdoe")
    await stage.rename(1, "other")
    await stage.run()
    text = str(await stage.table("trail")).lower()
    assert not any(name in text for name in ("jdoe", "other", "example", "'jo'", "'doe'"))


async def test_a_rebuild_and_a_replay_find_the_rows_that_following_the_ledger_made(stage: Stage) -> None:
    """Reviews too, of which a row changes when the next one comes."""
    await stage.user()
    await stage.deviation("Zebra crossing Ünïcode ﬁne", steps=4)
    await stage.capa(steps=5)
    await reviewed(stage, 2, questioned(2))
    await stage.run(batch=3)
    await reviewed(stage, 2, ReviewResolved(id=2, to_state=ACCEPTED, reason="so"), questioned(2))
    await reviewed(stage, 3, accepted(3), questioned(3))
    await stage.run(batch=2)
    before = await stage.table("trail")
    assert (await replay(stage.connection, stage.codec)).ok
    await rebuild(stage.url, stage.codec, ["trail"])
    assert await stage.table("trail") == before
    assert len(before) == await stage.head()


async def test_a_walk_goes_from_the_newest_to_the_oldest_and_back(stage: Stage) -> None:
    await stage.crowd(7)
    await stage.run()
    first = await found(stage, limit=3)
    assert [it.position for it in first] == [7, 6, 5]
    place = Place(first[-1].rank, first[-1].position)
    assert [it.position for it in await found(stage, place=place, limit=3)] == [4, 3, 2]
    back = Place(2, 2, back=True)
    assert [it.position for it in await found(stage, place=back, limit=3)] == [3, 4, 5]


@pytest.fixture
async def told(stage: Stage) -> Stage:
    """Two deviations, of which one was reopened by user 5 and edited by 6, and a user."""
    await stage.deviation("Fridge too warm", actor=4)
    await stage.deviation("Wrong label", actor=4)
    await stage.append(stream_id("deviation", 1), Reopened(actor=5, reason="Not done", source=Source("192.0.2.1")))
    await stage.append(
        stream_id("deviation", 1), DeviationUpdated(actor=6, from_state="PENDING_QA_REVIEW", location="Lab")
    )
    await stage.user()
    await stage.append(stream_id("access", 1), FACTS["access.sign_in_failed"](id=1, user=5, why="locked"))
    await stage.run()
    return stage


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"stream": stream_id("deviation", 1)}, [4, 3, 1]),
        ({"number": "DEV-2026-0002"}, [2]),
        ({"number": "DEV-2026-0009"}, []),
        ({"kind": "deviation"}, [4, 3, 2, 1]),
        ({"user": 4}, [2, 1]),
        ({"user": 5}, [6, 3]),
        ({"user": 1}, [5]),
        ({"events": ("deviation.created", "user.created")}, [5, 2, 1]),
        ({"risk": 0}, [6, 3]),
        ({"risk": 1}, [4]),
        ({"address": "192.0.2.1"}, [3]),
        ({"text": question("fridge")}, [1]),
        ({"text": question("FRIDGE warm")}, [1]),
        ({"text": question("frid*")}, [1]),
        ({"text": question("frid")}, []),
        ({"text": question("not done")}, [3]),
        ({"text": question("DEV-2026-0001 lab")}, [4]),
        ({"text": question("!?")}, []),
        ({"kind": "deviation", "user": 4, "text": question("label")}, [2]),
        ({"position": 3}, [3]),
        ({"position": 99}, []),
    ],
    ids=str,
)
async def test_the_trail_is_narrowed(told: Stage, wanted: dict[str, Any], expected: list[int]) -> None:
    assert await positions(told, **wanted) == expected


async def test_a_signer_is_found_as_who_acted_is(stage: Stage) -> None:
    number = await stage.deviation()
    signed = Reopened(actor=5, signature=signature(_Record(stream_id("deviation", number)), 6))
    stage.vault.keys.of_person(signed.signature.name.subject, "name", make=True)  # type: ignore[union-attr]
    await stage.append(stream_id("deviation", number), signed)
    await stage.run()
    assert await positions(stage, user=6) == await positions(stage, user=5) == [2]


class _Record(msgspec.Struct):
    stream: Any
    version: int = 1
    status: str = ""


async def test_bounds_in_time_take_in_what_was_recorded_within_them(told: Stage) -> None:
    moments = dict(await told.rows("SELECT position, at FROM trail"))
    assert await positions(told, since=moments[3]) == [6, 5, 4, 3]
    assert await positions(told, until=moments[3]) == [2, 1]
    assert await positions(told, since=moments[2], until=moments[4]) == [3, 2]
    assert await positions(told, since=moments[6] + 1) == []
    assert await positions(told, until=moments[6] + 1) == [6, 5, 4, 3, 2, 1]


async def test_the_queue_begins_with_the_highest_risk_and_what_waits_longest(told: Stage) -> None:
    await told.append(stream_id("deviation", 2), Reopened(actor=5, reason="Not done"))
    await told.run()
    assert await positions(told, queue(None)) == [3, 6, 7, 4]
    part = await found(told, queue(None), limit=2)
    place = Place(part[-1].rank, part[-1].position)
    assert [it.position for it in await found(told, queue(None), place=place)] == [7, 4]
    back = place._replace(back=True)
    assert [it.position for it in await found(told, queue(None), place=back)] == [3]


async def test_what_was_accepted_leaves_the_queue_and_what_is_questioned_stays(told: Stage) -> None:
    await reviewed(told, 3, accepted(3))
    await reviewed(told, 6, questioned(6))
    await told.run()
    assert await positions(told, queue(None)) == [6, 4]
    assert await positions(told, queue("PENDING")) == [4]
    assert await positions(told, queue("QUESTIONED")) == [6]
    assert await positions(told, queue("ACCEPTED")) == [3]
    (it,) = await found(told, position=3)
    assert (it.standing, it.reviewer) == (ACCEPTED, 9)
    await reviewed(told, 3, questioned(3))
    await told.run()
    assert await positions(told, queue("QUESTIONED")) == [3, 6]


async def test_an_event_that_the_queue_leaves_out_is_found_by_the_replay(told: Stage) -> None:
    """What is to be reviewed is no stream's own, and is compared all the same."""
    await reviewed(told, 3, accepted(3))
    await told.run()
    assert (await replay(told.connection, told.codec)).ok
    for position, is_open in ((3, True), (6, False)):
        await told.connection.execute("UPDATE trail SET open = %s WHERE position = %s", (is_open, position))
        report = await replay(told.connection, told.codec)
        assert [(it.read_model, it.field) for it in report.differences] == [("trail", "rank")]
        await told.connection.execute("UPDATE trail SET open = NOT open WHERE position = %s", (position,))


async def test_the_queue_reads_nothing_of_what_was_reviewed(told: Stage) -> None:
    """However much that is: what is open has an index of its own."""
    for position in (3, 6):
        await reviewed(told, position, accepted(position))
    await told.run()
    await told.connection.execute("SET enable_seqscan = off")
    walk = queue(None)
    filters = " AND ".join(walk.where)
    cursor = await told.connection.execute(
        f"EXPLAIN (ANALYZE, COSTS OFF, FORMAT JSON) SELECT position FROM trail WHERE {filters}"
        f" ORDER BY {walk.order} LIMIT 50"
    )
    row = await cursor.fetchone()
    assert row is not None
    (scan,) = row[0][0]["Plan"]["Plans"]
    assert (scan["Index Name"], scan["Actual Rows"], scan.get("Rows Removed by Filter", 0)) == ("trail_open", 1, 0)


async def test_reviews_themselves_do_not_come_into_the_queue(told: Stage) -> None:
    await reviewed(told, 3, questioned(3), ReviewResolved(id=3, to_state=ACCEPTED, reason="so"))
    await told.run()
    assert await positions(told, queue(None)) == [6, 4]
    assert await positions(told, kind="review") == [8, 7]


async def test_histories_are_read_up_to_a_version_by_one_query(told: Stage) -> None:
    one, two = stream_id("deviation", 1), stream_id("deviation", 2)
    rows = await histories_of(told.connection, {one: 2, two: 9}, ())
    assert {stream: [row.position for row in its] for stream, its in rows.items()} == {one: [1, 3], two: [2]}


async def test_of_people_the_erasure_is_read_too_and_nothing_else_beyond_the_version(told: Stage) -> None:
    user = await told.user()
    stream = stream_id("user", user)
    await told.append(stream, UserActivated(), UserErased(), FACTS["user.name_erased"]())
    rows = await histories_of(told.connection, {stream: 1}, [stream])
    assert [row.originator_version for row in rows[stream]] == [1, 3]
    rows = await histories_of(told.connection, {stream: 4}, [stream])
    assert [row.originator_version for row in rows[stream]] == [1, 2, 3, 4]


async def test_lists_do_not_wait_for_the_trail() -> None:
    assert TrailReadModel.apart


def test_the_words_of_an_event_are_those_that_it_says_in_clear() -> None:
    event = FACTS["deviation.reopened"](reason="Not done, yet", comment="Siehe Straße", signature=None)
    assert words_of(event, "DEV-2026-0001").split() == sorted(
        {"deviation", "reopened", "dev", "2026", "0001", "not", "done", "yet", "siehe", "strasse"}
    )


@given(st.text(max_size=60))
def test_what_is_a_word_can_be_asked_for_and_breaks_no_question(text: str) -> None:
    asked = question(text)
    assert asked.replace(":*", "").replace("'", "").split(" & ") == (split(text) or [""])


@given(st.sampled_from(["deviation", "capa", "user", "review", "access", "settings"]).flatmap(streams))
def test_the_rows_of_a_stream_are_the_same_in_whatever_batches_its_events_come(events: Sequence[Recorded]) -> None:
    """What an event after another changes is told; put together, that is what folding all at once gives."""
    model = TrailReadModel(None)  # type: ignore[arg-type]
    whole, live, before = None, dict[int, Any](), None
    for place, recorded in enumerate(events, 1):
        event = msgspec.structs.replace(recorded.event, signature=None)
        recorded = Recorded(place, recorded.stream, place, NOW, event)  # noqa: PLW2901
        whole = model.evolve(whole, recorded)
        after = model.evolve(before, recorded)
        for row in model.changed(before, after, place):
            live[row["position"]] = row
        before = after._replace(former=None)
    assert whole is not None
    assert list(live.values()) == model.rows(whole, len(events))
