"""Doing something again and again until told to stop, whatever goes wrong in between."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ledger.tasks import pause

log = structlog.get_logger(__name__)

_PAUSES = (0.2, 10.0)


async def again(name: str, step: Callable[[], Awaitable[object]], seconds: float, stop: asyncio.Event) -> None:
    """Take a step every so many seconds; after one that fails, growing pauses."""
    failed = 0.0
    while not stop.is_set():
        failed = await _take(name, step, failed)
        await pause(stop, failed or seconds)


async def alive(name: str, run: Callable[[asyncio.Event], Awaitable[object]], stop: asyncio.Event) -> None:
    """Keep something running that ends when told to stop: begun again, after growing pauses, where it fails."""
    failed = 0.0
    while not stop.is_set():
        failed = await _take(name, lambda: run(stop), failed)
        await pause(stop, failed)


async def _take(name: str, step: Callable[[], Awaitable[object]], failed: float) -> float:
    """Return the pause to make, 0 after a step that went well."""
    try:
        await step()
    except Exception as error:  # noqa: BLE001 - no fault of one part may end the process that keeps the others
        wait = min(max(failed * 2, _PAUSES[0]), _PAUSES[1])
        log.warning("worker_part_failed", part=name, error=f"{type(error).__name__}: {error}"[:500], again_in=wait)
        return wait
    return 0.0
