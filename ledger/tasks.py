"""Ending tasks that wait for PostgreSQL, and waiting until told to stop."""

import asyncio
from collections.abc import Collection
from typing import Any

_PAUSE = 0.1


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are done.

    Again and again: Python 3.11's `wait_for`, in which psycopg waits, swallows a cancellation that comes at the moment
    at which what was waited for is there.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_PAUSE)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
