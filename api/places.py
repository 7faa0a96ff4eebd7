"""Places for what takes long, of which there are so many at once, and so many for one user."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from domain.errors import Unavailable


class Places:
    """The places of a process, for one kind of work."""

    def __init__(self, most: int, each: int, patience: float, says: str) -> None:
        """Have `most` places, `each` of them for one user; who waits longer than `patience` seconds is told so."""
        self._all = asyncio.Semaphore(most)
        self._each, self._patience, self._says = each, patience, says
        #: By the user's id; whoever waits or has a place keeps it alive.
        self._own: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def place(self, user: int) -> AsyncIterator[None]:
        """Wait for a place of a user, then hold it. Raises Unavailable where it takes too long."""
        own = self._own.setdefault(user, asyncio.Semaphore(self._each))
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._patience):
                    # One's own first: who has all of his takes no place from others while he waits.
                    await held.enter_async_context(own)
                    await held.enter_async_context(self._all)
            except TimeoutError as late:
                raise Unavailable(self._says) from late
            yield
