"""A least rate for bodies that are read as they come."""

import time
from collections.abc import Callable
from typing import Any

from litestar.types import Receive

from api.errors import HttpRefusal

#: Bytes a second, on average.
LEAST_RATE = 8 * 1024
#: What was waited in all before the rate is looked at.
_GRACE_SECONDS = 20.0


def steady(receive: Receive, clock: Callable[[], float] = time.monotonic) -> Receive:
    """Return what reads a body and raises HttpRefusal where it comes too slowly.

    Only what is waited for the client counts, not what is done with the content between. `clock`: seconds.
    """
    waited, read = 0.0, 0

    async def part() -> Any:
        nonlocal waited, read
        begun = clock()
        message: Any = await receive()
        waited += clock() - begun
        read += len(message.get("body", b""))
        if message.get("more_body") and waited > _GRACE_SECONDS and read < waited * LEAST_RATE:
            says = f"The body comes too slowly: {LEAST_RATE // 1024} KiB a second are expected."
            raise HttpRefusal("VALIDATION_ERROR", says)
        return message

    return part
