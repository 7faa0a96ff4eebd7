"""The ceiling of a verification: the same rows read in order, each hashed, nothing else."""

import time
from hashlib import sha256
from typing import Any

import psycopg

from ledger.scan import scan

#: Rows the driver is given at a time: memory stays flat, as ours does.
_CHUNK_ROWS = 2000
_SELECT = (
    "SELECT position, originator_id, originator_version, topic, state, recorded_at FROM ledger.events ORDER BY position"
)


def raw(url: str) -> dict[str, Any]:
    """Read as fast as ours does, columns as the server sends them, and hash the whole ledger."""
    with psycopg.connect(url) as connection:
        begun = time.perf_counter()
        events = size = 0
        for row in scan(connection, 0, 2**62):
            _, _, _, topic, state, _ = row
            sha256(topic + state).digest()
            size += len(topic) + len(state)
            events += 1
        took = time.perf_counter() - begun
    return {"rate": events / took, "events": events, "bytes": size}


def plain(url: str) -> dict[str, Any]:
    """Read as one does, columns as Python's objects, and hash the whole ledger."""
    with psycopg.connect(url) as connection:
        begun = time.perf_counter()
        events = size = 0
        with connection.cursor("reading", binary=True) as cursor:
            cursor.execute(_SELECT)
            while rows := cursor.fetchmany(_CHUNK_ROWS):
                for _, _, _, topic, state, _ in rows:
                    name = topic.encode()
                    sha256(name + state).digest()
                    size += len(name) + len(state)
                events += len(rows)
        took = time.perf_counter() - begun
    return {"rate": events / took, "events": events, "bytes": size}
