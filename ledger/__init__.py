"""The record: events into and out of PostgreSQL, in order, whole, and provably unchanged.

The package is also a persistence module of the `eventsourcing` library: `PERSISTENCE_MODULE=ledger`.
"""

from ledger.recorder import Factory

__all__ = ["Factory"]
