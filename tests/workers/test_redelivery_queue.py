"""Where a delivery that is made again stands: behind what is new of its record, else in the order of the ledger."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ledger.connect import connect
from tests.workers.dispatching import Dispatching
from tests.workers.sending import Sending, sending
from tests.workers.stage import Stage
from tests.workers.waiting import until

pytestmark = pytest.mark.anyio

QUEUE = """
    SELECT position, CASE WHEN state <> 'pending' THEN state WHEN next_attempt_at IS NULL THEN 'behind' ELSE 'first' END
    FROM ops.deliveries ORDER BY position
"""
#: The positions of the facts: a user and a webhook come before them.
CREATED, EDITED, AGAIN = 3, 4, 5


class Queue:
    """One record's queue at one endpoint."""

    def __init__(self, stage: Stage, hand: Sending) -> None:
        """Begin with a record that has told of itself, and of an edit."""
        self.stage = stage
        self.hand = hand
        self.dispatching = Dispatching(stage)

    async def begin(self) -> None:
        """Deliver both."""
        await self.stage.webhook("http://127.0.0.1:1/")
        await self.stage.deviation()
        await self.edit()
        for _ in range(2):
            await self.deliver(200)

    async def edit(self) -> None:
        """Change the record."""
        await self.stage.edit(1, "edited")
        await self.dispatching.go()

    async def ask(self, position: int | None = None) -> None:
        """Ask for everything again, or for what tells of one fact."""
        delivery = ""
        if position is not None:
            ((delivery,),) = await self.stage.rows("SELECT id FROM ops.deliveries WHERE position = %s", position)
        await self.stage.ask_again(1, delivery=delivery)
        await self.dispatching.go()

    async def deliver(self, status: int) -> int:
        """Make the attempt that is due, and return the position of what it told of."""
        (delivery,) = await self.hand.look(1)
        await self.hand.settle(0, status)
        return delivery.position

    async def shown(self) -> dict[int, str]:
        """Return where everything stands, by position."""
        rows: dict[int, str] = dict(await self.stage.rows(QUEUE))  # type: ignore[arg-type]
        return rows


@pytest.fixture
async def queue(stage: Stage) -> AsyncIterator[Queue]:
    """A queue in which everything is delivered."""
    async with sending(stage, (0.0, 600.0, 600.0)) as hand:
        made = Queue(stage, hand)
        await made.begin()
        yield made


async def test_it_is_made_in_the_order_of_the_ledger(queue: Queue) -> None:
    await queue.ask()
    assert await queue.shown() == {CREATED: "first", EDITED: "behind"}
    assert [await queue.deliver(200), await queue.deliver(200)] == [CREATED, EDITED]


async def test_what_is_new_goes_first(queue: Queue) -> None:
    await queue.ask()
    await queue.stage.edit(1, "new")
    await queue.dispatching.go()
    assert await queue.shown() == {CREATED: "behind", EDITED: "behind", 6: "first"}
    assert [await queue.deliver(200) for _ in range(3)] == [6, CREATED, EDITED]


async def test_what_is_new_does_not_wait_for_what_fails_again(queue: Queue) -> None:
    await queue.ask()
    assert await queue.deliver(500) == CREATED
    await queue.edit()
    assert await queue.deliver(200) == 6
    assert await queue.shown() == {CREATED: "first", EDITED: "behind", 6: "delivered"}


async def test_it_does_not_go_in_front_of_what_is_new_and_fails(queue: Queue) -> None:
    await queue.edit()
    await queue.edit()
    assert await queue.deliver(500) == AGAIN
    await queue.ask()
    assert await queue.hand.look(1) == []
    await queue.stage.rows("UPDATE ops.deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")
    assert [await queue.deliver(200) for _ in range(4)] == [AGAIN, 6, CREATED, EDITED]


async def test_what_is_under_way_gives_way_once_it_has_failed(queue: Queue) -> None:
    await queue.ask(CREATED)
    (under_way,) = await queue.hand.look(1)
    assert under_way.position == CREATED
    await queue.edit()
    assert await queue.hand.look(1) == [], "two of one record were sent at the same time"
    await queue.hand.settle(0, 500)
    assert await queue.shown() == {CREATED: "behind", EDITED: "delivered", 6: "first"}
    assert [await queue.deliver(200), await queue.deliver(200)] == [6, CREATED]


async def test_what_comes_earlier_in_the_ledger_comes_earlier_again(queue: Queue) -> None:
    await queue.ask(EDITED)
    assert await queue.shown() == {CREATED: "delivered", EDITED: "first"}
    await queue.ask()
    assert await queue.shown() == {CREATED: "first", EDITED: "behind"}
    assert [await queue.deliver(200), await queue.deliver(200)] == [CREATED, EDITED]


async def test_it_is_tried_as_often_as_a_new_one(queue: Queue) -> None:
    await queue.ask(CREATED)
    for left in ("first", "first", "failed"):
        await queue.stage.rows("UPDATE ops.deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")
        assert await queue.deliver(500) == CREATED
        assert (await queue.shown())[CREATED] == left
    log = await queue.stage.rows(
        "SELECT number, status FROM ops.attempt_log"
        " WHERE delivery_id = (SELECT id FROM ops.delivery_log WHERE position = %s) ORDER BY number",
        CREATED,
    )
    assert log == [(1, 200), (2, 500), (3, 500), (4, 500)]


async def test_asked_for_twice_it_is_made_once(queue: Queue) -> None:
    """Whether the second comes before the first was seen, or in the middle of it."""
    await queue.stage.ask_again(1)
    await queue.ask()
    assert await queue.deliver(200) == CREATED
    await queue.ask()
    assert await queue.shown() == {CREATED: "delivered", EDITED: "first"}
    await queue.deliver(200)
    await queue.ask()
    assert await queue.shown() == {CREATED: "first", EDITED: "behind"}


async def test_one_that_is_asked_for_is_made_although_a_request_for_all_is_under_way(queue: Queue) -> None:
    await queue.ask()
    assert await queue.deliver(200) == CREATED
    await queue.ask(CREATED)
    assert await queue.shown() == {CREATED: "first", EDITED: "behind"}


async def test_a_request_that_is_seen_again_does_nothing(queue: Queue) -> None:
    await queue.ask()
    for _ in range(2):
        await queue.deliver(200)
    await queue.stage.rows("UPDATE ops.positions SET position = 0 WHERE name = 'webhooks.dispatch'")
    await queue.dispatching.go()
    assert set((await queue.shown()).values()) == {"delivered"}


async def test_only_what_the_window_and_the_state_name_is_made_again(queue: Queue) -> None:
    stage = queue.stage
    await stage.rows("UPDATE ops.deliveries SET state = 'failed' WHERE position = %s", EDITED)
    ((created, edited),) = await stage.rows("SELECT min(recorded_at), max(recorded_at) FROM ops.deliveries")
    settled = {CREATED: "delivered", EDITED: "failed"}
    for asked, found in (
        ({"since": edited, "state": "delivered"}, set()),
        ({"since": created, "until": edited, "state": "failed"}, set()),
        ({"since": created, "until": created}, set()),
        ({"since": created, "until": edited}, {CREATED}),
        ({"since": edited}, {EDITED}),
        ({"since": created, "state": "failed"}, {EDITED}),
        ({"since": created, "state": "all"}, {CREATED, EDITED}),
    ):
        await stage.ask_again(1, **asked)
        await queue.dispatching.go()
        now = await queue.shown()
        assert {position for position, state in now.items() if state != settled[position]} == found, asked
        await stage.rows("UPDATE ops.deliveries SET state = 'delivered', next_attempt_at = NULL")
        await stage.rows("UPDATE ops.deliveries SET state = 'failed' WHERE position = %s", EDITED)


async def test_without_its_body_it_can_not_be_made_again(queue: Queue) -> None:
    await queue.stage.rows(
        "DELETE FROM ops.delivery_bodies AS b USING ops.deliveries AS d WHERE d.id = b.delivery_id AND position = %s",
        CREATED,
    )
    await queue.ask()
    await queue.ask(CREATED)
    assert await queue.shown() == {CREATED: "delivered", EDITED: "first"}


@pytest.mark.parametrize("statement", ["active = false", "disabled_at = now()"])
async def test_nothing_is_made_again_where_nothing_is_sent(queue: Queue, statement: str) -> None:
    await queue.stage.rows(f"UPDATE ops.endpoints SET {statement}")
    await queue.ask()
    assert set((await queue.shown()).values()) == {"delivered"}


async def test_a_request_while_what_is_new_is_being_settled_gets_its_turn(queue: Queue) -> None:
    """It waits for how that ends, instead of queueing behind what is about to be gone."""
    await queue.edit()
    settling = await connect(queue.stage.database.app_dsn, "test")
    await settling.execute("BEGIN")
    await settling.execute("UPDATE ops.deliveries SET state = 'delivered', next_attempt_at = NULL WHERE position = 5")
    asking = asyncio.create_task(queue.ask(CREATED))
    await until(queue.stage.somebody_waits)
    await settling.execute("COMMIT")
    await asking
    await settling.close()
    assert (await queue.shown())[CREATED] == "first"


async def test_many_are_asked_for_at_once(queue: Queue) -> None:
    """However many deliveries there are, of however many records."""
    stage = queue.stage
    await stage.rows(
        "INSERT INTO ops.deliveries (id, endpoint_id, stream, record, position, recorded_at, event, state)"
        " SELECT 'msg_' || n, 1, md5((n %% 700)::text)::uuid, n %% 700, 1000 + n, now(), 'deviation.updated',"
        " CASE WHEN n %% 3 = 0 THEN 'failed' ELSE 'delivered' END FROM generate_series(1, 5000) AS n"
    )
    await stage.rows("INSERT INTO ops.delivery_bodies SELECT id, '' FROM ops.deliveries ON CONFLICT DO NOTHING")
    await queue.ask()
    counted = await stage.rows(
        "SELECT count(*), count(DISTINCT stream), count(next_attempt_at) FROM ops.deliveries WHERE state = 'pending'"
    )
    assert counted == [(5002, 701, 701)]
