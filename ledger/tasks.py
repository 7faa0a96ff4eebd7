"""Ending tasks that wait for PostgreSQL."""

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
