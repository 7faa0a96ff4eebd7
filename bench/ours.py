"""Our side of the rows that need no HTTP, each as a program of its own would do it."""

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import uvloop

from audit.verify import verify
from ledger.append import Append, Plan, Proposed
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys, Vault
from ledger.writer import Writer
from projections.rebuild import rebuild

_WARM_SECONDS = 0.5


def append(url: str, callers: int, seconds: float, topic: str, state: str) -> dict[str, Any]:
    """Append one event at a time from so many callers on one event loop."""
    return uvloop.run(_append(url, callers, seconds, topic, state.encode()))


async def _append(url: str, callers: int, seconds: float, topic: str, state: bytes) -> dict[str, Any]:
    writer = Writer(lambda: connect(url, "bench"))
    done = 0

    async def caller(until: float) -> None:
        nonlocal done
        while time.perf_counter() < until:
            stream = uuid4()
            plan = Plan([Proposed(stream, 1, topic, state)])
            await writer.append(Append(lambda _, plan=plan: plan))
            done += 1

    async def measure(seconds: float) -> float:
        nonlocal done
        done, begun = 0, time.perf_counter()
        await asyncio.gather(*(caller(begun + seconds) for _ in range(callers)))
        return time.perf_counter() - begun

    await measure(_WARM_SECONDS)
    warm = done
    took = await measure(seconds)
    await writer.close()
    return {"rate": done / took, "stored": warm + done}


def rebuild_deviations(url: str, keys: str) -> dict[str, Any]:
    """Rebuild the deviations' read model."""
    codec = Codec(Vault(Keys(Path(keys))))
    begun = time.perf_counter()
    (done,) = asyncio.run(rebuild(url, codec, ["deviations"]))
    took = time.perf_counter() - begun
    return {"rate": done.events / took, "events": done.events}


def audit(url: str, keys: str, file: str) -> dict[str, Any]:
    """Verify the ledger."""
    with psycopg.connect(url, autocommit=True) as connection:
        begun = time.perf_counter()
        report = verify(connection, Keys(Path(keys)).verifiers(), Path(file))
        took = time.perf_counter() - begun
    assert report.ok, report.problems
    return {"rate": report.events / took, "events": report.events, "bytes": report.bytes}
