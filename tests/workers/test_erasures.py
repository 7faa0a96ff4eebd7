"""What a fact says is destroyed is destroyed, whatever crashed in between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from psycopg import AsyncConnection

from api.erasing import erased
from domain.events import Attempt, Personal, stream_id
from domain.platform.settings import SettingsChanged
from domain.platform.users import USERS, User
from domain.quality.deviation_facts import Closed
from ledger.connect import connect
from ledger.keys import KeyMissing, Keys
from projections import erasures
from projections.delivery_log import body_context
from projections.erasures import Erasures
from projections.streams import histories
from tests.domain.test_users import SYSTEM
from tests.workers.stage import Stage
from tests.workers.waiting import until

pytestmark = pytest.mark.anyio

CLOSED = Closed(actor=1, from_state="APPROVED", to_state="CLOSED")
YEARS = timedelta(days=366 * 10)


class Scene:
    """A stage on which somebody is erased, at a time that the test says."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.now = datetime.now(UTC)
        self.erasures = self.another()

    def another(self, **more: Any) -> Erasures:
        """Another process's."""
        more = {"patience_seconds": 0.0} | more
        return Erasures(self.connection, self.stage.writer, self.stage.codec, now=lambda: self.now, **more)

    async def sweep(self, erasures: Erasures | None = None) -> None:
        """Do what workers do every few seconds, in loops of their own."""
        await (erasures or self.erasures).destroy()
        await (erasures or self.erasures).once()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        async with await connect(self.stage.database.app_dsn, "test") as connection:
            yield connection

    async def user(self, number: int = 1) -> User:
        stream = stream_id("user", number)
        async with self.connection() as connection:
            it = USERS.fold((await histories(connection, self.stage.codec, [stream]))[stream])
        assert it is not None
        return it

    async def erase(self, number: int = 1) -> None:
        """Record it, and be killed before anything else."""
        it = await self.user(number)
        event = USERS.decide(USERS.step("erase"), it, Attempt(actor=SYSTEM, reason="Asked."), {})
        await self.stage.append(it.stream, event, *erased(it))

    async def keys(self, number: int = 1) -> set[str]:
        subject = (await self.user(number)).name.subject
        folder = self.stage.folder / "keys" / "persons"
        return {path.name.split(".")[1] for path in folder.glob(f"{subject}.*")}


@pytest.fixture
def scene(stage: Stage) -> Scene:
    return Scene(stage)


async def test_before_anything_is_destroyed_the_fact_alone_hides_everything(scene: Scene) -> None:
    await scene.erase()
    it = await scene.user()
    assert await scene.keys() == {"name", "contact"}
    assert (it.name.value, it.contact.value) == (None, None)


async def test_the_next_sweep_finishes_what_was_begun(scene: Scene) -> None:
    await scene.stage.deviation()
    await scene.erase()
    await scene.sweep()
    assert await scene.keys() == {"name"}
    it = await scene.user()
    assert it.printed is not None
    assert it.printed.get("first_name") == "Jo"


async def test_a_name_that_no_record_keeps_goes_at_once(scene: Scene) -> None:
    await scene.erase()
    await scene.sweep()
    assert await scene.keys() == set()
    assert (await scene.user()).printed is None
    assert await scene.stage.rows("SELECT named FROM ops.erasures") == [(False,)]


async def test_a_name_stays_while_a_write_may_be_under_way_that_is_to_show_it(scene: Scene) -> None:
    """From the command line, too: what comes in after the erasure keeps the name as what was there before."""
    patient = scene.another(patience_seconds=3_600.0)
    await scene.erase()
    await scene.sweep(patient)
    assert (await patient.settle(1)).records == ()
    assert await scene.keys() == {"name"}
    await scene.stage.deviation()
    await scene.sweep()
    assert [it.records for it in (await scene.erasures.settle(1)).records] == [1]
    assert await scene.keys() == {"name"}


async def test_keys_are_destroyed_whatever_becomes_of_looking_at_the_ledger(scene: Scene, monkeypatch: Any) -> None:
    def hangs(*_: object) -> None:
        raise OSError("read by nobody")

    monkeypatch.setattr("projections.erasures.streams_of", hangs)
    await scene.stage.deviation()
    await scene.erase()
    with pytest.raises(OSError, match="read by nobody"):
        await scene.erasures.once()
    await scene.erasures.destroy()
    assert await scene.keys() == {"name"}


async def test_however_many_were_erased_the_ledger_is_read_once(scene: Scene, monkeypatch: Any) -> None:
    asked, read = [], erasures.streams_of

    async def counted(connection: AsyncConnection[Any], users: Any) -> Any:
        asked.append(set(users))
        return await read(connection, users)

    monkeypatch.setattr(erasures, "streams_of", counted)
    await scene.stage.user("other")
    for number in (1, 2):
        await scene.erase(number)
    await scene.sweep()
    assert asked == [{1, 2}]
    assert await scene.stage.rows("SELECT user_id FROM ops.erasures WHERE NOT named ORDER BY 1") == [(1,), (2,)]


async def test_a_crash_between_the_fact_and_the_names_key_is_made_good(scene: Scene, monkeypatch: Any) -> None:
    await scene.erase()

    def killed(*_: object) -> int:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Keys, "destroy", killed)
        with pytest.raises(OSError, match="killed"):
            await scene.sweep()
        assert await scene.keys() == {"name", "contact"}
        patch.setattr(Keys, "destroy", lambda self, people: 0)
        await scene.sweep()
    assert (await scene.user()).printed is None
    assert await scene.keys() == {"name", "contact"}
    await scene.sweep(scene.another())
    assert await scene.keys() == set()


async def test_two_processes_erase_a_name_once(scene: Scene) -> None:
    await scene.erase()
    await scene.sweep()
    await scene.sweep(scene.another())
    await scene.another().settle(1)
    (count,) = await scene.stage.rows("SELECT count(*) FROM ledger.events WHERE topic = 'user.name_erased'")
    assert count == (1,)


async def test_an_old_folder_of_keys_that_is_put_back_brings_nothing_back(scene: Scene, tmp_path: Path) -> None:
    folder = scene.stage.folder / "keys" / "persons"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    await scene.erase()
    await scene.sweep()
    for path, content in before.items():
        path.write_bytes(content)
    await scene.sweep()
    assert await scene.keys() == set()


async def test_a_key_is_not_made_again_for_somebody_who_was_erased(scene: Scene) -> None:
    """A request that was under way draws a value up: its key goes with the next sweep."""
    subject: UUID = (await scene.user()).name.subject
    await scene.erase()
    await scene.sweep()
    late: Personal = scene.stage.vault.personal(subject, "contact", {"email": "late@example.com"})
    await scene.sweep()
    with pytest.raises(KeyMissing):
        scene.stage.vault.seal_person(late)


async def test_the_name_goes_when_the_last_records_time_is_over(scene: Scene) -> None:
    for _ in range(2):
        await scene.stage.deviation()
    await scene.stage.move(1, CLOSED)
    await scene.erase()
    await scene.sweep()
    scene.now += 2 * YEARS
    await scene.sweep()
    assert (await scene.user()).printed is not None  # One is open.
    await scene.stage.move(2, CLOSED)
    scene.now = datetime.now(UTC) + timedelta(days=3_640)
    await scene.sweep(scene.another())
    assert (await scene.user()).printed is not None
    scene.now = datetime.now(UTC) + YEARS
    await scene.sweep(scene.another())
    assert await scene.keys() == set()


async def test_a_process_that_goes_on_sees_the_day_come_and_the_setting_change(scene: Scene) -> None:
    await scene.stage.deviation()
    await scene.stage.move(1, CLOSED)
    await scene.erase()
    await scene.sweep()
    scene.now += timedelta(days=800)
    await scene.sweep()
    assert await scene.keys() == {"name"}
    changed = SettingsChanged(retention_years=1, actor=1, reason="Less.", from_state="listed", to_state="listed")
    await scene.stage.append(stream_id("settings", 1), changed)
    await scene.sweep()
    assert await scene.keys() == set()


async def body(scene: Scene) -> dict[str, Any]:
    ((delivery, sealed),) = await scene.stage.rows("SELECT delivery_id, body FROM ops.delivery_bodies")
    decoded: dict[str, Any] = msgspec.json.decode(scene.stage.vault.open(bytes(sealed), body_context(delivery)))
    return decoded


async def test_bodies_that_may_be_sent_again_show_the_name_no_more(scene: Scene) -> None:
    await scene.stage.webhook("https://127.0.0.1:9/")
    async with scene.stage.working(schedule=(600.0,)):
        await scene.stage.deviation()
        await until(lambda: scene.stage.rows("SELECT 1 FROM ops.delivery_bodies"))
    assert (await body(scene))["data"]["initiated_by"]["last_name"] == "Doe"
    await scene.erase()
    await scene.sweep()
    told = await body(scene)
    assert told["data"]["initiated_by"] == {"id": 1, "username": "erased user 1", "first_name": "", "last_name": ""}
    assert told["data"]["changed_by"] == {"id": 1, "username": "erased user 1"}
    assert told["data"]["title"] == "Wrong label"


async def test_it_is_finished_once_the_dispatcher_has_passed_it(scene: Scene) -> None:
    await scene.erase()
    await scene.sweep()
    unfinished = [(None,)]
    assert await scene.stage.rows("SELECT finished_at FROM ops.erasures") == unfinished
    async with scene.stage.working():
        await until(lambda: scene.stage.rows("SELECT 1 FROM ops.positions WHERE name = 'webhooks.dispatch'"))
        await until(lambda: scene.stage.rows("SELECT 1 FROM ledger.head, ops.positions WHERE position = size"))
    await scene.sweep(scene.another(patience_seconds=3_600.0))
    assert await scene.stage.rows("SELECT finished_at FROM ops.erasures") == unfinished
    await scene.sweep(scene.another())
    assert await scene.stage.rows("SELECT finished_at FROM ops.erasures") != unfinished


async def test_a_worker_does_it_by_itself(scene: Scene) -> None:
    await scene.erase()
    await scene.stage.rows("UPDATE ops.erasures SET begun_at = begun_at - interval '1 hour' RETURNING 1")
    async with scene.stage.working():
        await until(lambda: _no_keys(scene))


async def _no_keys(scene: Scene) -> bool:
    return not await scene.keys()
