"""Clients that send or take too slowly, and those that want too much at once."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, nullcontext
from typing import Any

import pytest

from api.errors import HttpRefusal
from api.pace import LEAST_RATE, steady
from api.places import Places
from api.reply import Streamed, answer
from domain.errors import Unavailable

pytestmark = pytest.mark.anyio

# Uploads.


async def sent(rate: float, seconds: int) -> int:
    """Send `rate` bytes a second, a part every second; return how many parts were taken."""
    now, taken = 0.0, 0

    async def receive() -> Any:
        nonlocal now
        now += 1
        return {"type": "http.request", "body": bytes(int(rate)), "more_body": now < seconds}

    part = steady(receive, lambda: now)
    while (await part())["more_body"]:
        taken += 1
    return taken


async def test_a_body_at_the_least_rate_is_read() -> None:
    assert await sent(LEAST_RATE, 3600) == 3599


async def test_a_body_that_comes_slower_is_given_up() -> None:
    with pytest.raises(HttpRefusal, match="too slowly"):
        await sent(LEAST_RATE - 1, 3600)


async def test_a_body_that_is_soon_over_may_come_as_slowly_as_it_likes() -> None:
    assert await sent(1, 20) == 19


async def test_what_is_done_between_the_parts_is_not_the_clients_time() -> None:
    ticks: Iterator[float] = (hour * 3600 + second for hour in range(100) for second in (0, 0.1))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"some", "more_body": True}

    part = steady(receive, lambda: next(ticks))
    for _ in range(100):
        await part()


# Places.


async def test_a_user_has_so_many_places_and_another_has_his_own() -> None:
    places = Places(10, 2, 0, "crowded")
    async with places.place(1), places.place(1), places.place(2):
        with pytest.raises(Unavailable, match="crowded"):
            async with places.place(1):
                pass


async def test_all_together_have_so_many_places() -> None:
    places = Places(2, 2, 0, "crowded")
    async with places.place(1), places.place(2):
        with pytest.raises(Unavailable, match="crowded"):
            async with places.place(3):
                pass


async def test_who_is_refused_or_leaves_holds_nothing() -> None:
    places = Places(2, 1, 0, "crowded")
    for _ in range(3):
        async with AsyncExitStack() as held:
            for user in (1, 2):
                await held.enter_async_context(places.place(user))
            for user in (1, 3):
                with pytest.raises(Unavailable):
                    await held.enter_async_context(places.place(user))


async def test_a_place_that_becomes_free_is_given_to_who_waits() -> None:
    places, held = Places(1, 1, 20, "crowded"), AsyncExitStack()
    await held.enter_async_context(places.place(1))
    waiting = asyncio.create_task(AsyncExitStack().enter_async_context(places.place(1)))
    await asyncio.sleep(0)
    assert not waiting.done()
    await held.aclose()
    await waiting


# Downloads.


async def silence() -> Any:
    """Hear nothing of a client."""
    await asyncio.Event().wait()


async def test_an_answer_that_is_not_taken_is_broken_off_and_its_source_closed() -> None:
    closed: list[str] = []

    async def chunks() -> AsyncGenerator[bytes, None]:
        try:
            yield bytes(100)
        finally:
            closed.append("chunks")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    places = Places(1, 1, 0, "crowded")
    reply = Streamed(length=100, chunks=chunks, place=lambda: places.place(1), seconds=0.01)
    with pytest.raises(TimeoutError):
        await answer(reply, 0, reading=True)({}, silence, send)  # type: ignore[typeddict-item,arg-type]
    assert closed == ["chunks"]
    async with places.place(1):
        pass


async def test_an_answer_for_which_there_is_no_place_is_refused_before_it_begins() -> None:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b""

    async def send(message: Any) -> None:
        raise AssertionError(message)

    places = Places(1, 1, 0, "crowded")
    reply = Streamed(length=0, chunks=chunks, place=lambda: places.place(1), seconds=1)
    async with places.place(1):
        with pytest.raises(Unavailable):
            await answer(reply, 0, reading=True)({}, silence, send)  # type: ignore[typeddict-item,arg-type]


async def test_a_chunk_is_sent_in_pieces_that_a_slow_reader_can_take() -> None:
    pieces: list[bytes] = []

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield bytes(200 * 1024)

    async def send(message: Any) -> None:
        pieces.append(message.get("body", b""))

    reply = Streamed(length=200 * 1024, chunks=chunks, place=nullcontext, seconds=1)
    await answer(reply, 0, reading=True)({}, silence, send)  # type: ignore[typeddict-item,arg-type]
    assert b"".join(pieces) == bytes(200 * 1024)
    assert max(len(piece) for piece in pieces) == 64 * 1024
