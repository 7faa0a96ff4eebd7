"""Waiting for something to become true, as long as it takes and no longer."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable


async def until(
    true: Callable[[], bool | Awaitable[bool]], seconds: float = 40.0, told: Callable[[], str] = lambda: "not in time"
) -> None:
    """Return once it is true; fail with what `told` says where it is not in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        answer = true()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return
        assert asyncio.get_running_loop().time() < deadline, told()
        await asyncio.sleep(0.005)
