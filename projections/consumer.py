"""What a consumer of the ledger is."""

from collections.abc import Sequence
from typing import Any, Protocol

from psycopg import AsyncConnection

from domain.events import Recorded


class Consumer(Protocol):
    """A function from events to row changes, with a name fixed for ever and a position of its own.

    `apply` runs inside the transaction that moves the position: exactly once. What must happen outside the database
    happens in `committed`, which is told at least once and may be lost.
    """

    name: str
    #: Kinds of records whose facts it takes; the others are passed over.
    kinds: frozenset[str]

    async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
        """Change rows for events that come in position order. Raises where it can't take one: it then stands still."""

    async def committed(self) -> None:
        """Be told that what was applied is durable."""


def channel(name: str) -> str:
    """Return the NOTIFY channel on which a consumer's position is told."""
    return f"flowledger_view_{name}"
