"""Our side of the rows that need no HTTP, each as a program of its own would do it."""

import asyncio
import time
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import uvloop

from audit.bundle import bundle
from audit.verifier import Bundle, check
from audit.verify import verify
from domain.events import stream_id
from ledger.append import Append, Plan, Proposed
from ledger.checkpoint import make_checkpoint
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.subtrees import Subtrees
from ledger.vault import Vault
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


def prove(url: str, keys: str, file: str, number: int, times: int) -> dict[str, Any]:
    """Make the proof of a deviation once, then so many times again; check it."""
    with psycopg.connect(url, autocommit=True) as connection:
        make_checkpoint(connection, Keys(Path(keys)), Path(file))
    took, proof = asyncio.run(_prove(url, Keys(Path(keys)), number, times))
    begun = time.perf_counter()
    found = check(proof)
    checked = time.perf_counter() - begun
    assert isinstance(found, Bundle)
    hashes = sum(len(one["proof"]) for one in msgspec.json.decode(proof)["events"])
    return {
        "bytes": len(proof),
        "events": len(found.events),
        "hashes": hashes,
        "size": found.head.size,
        "first": took[0],
        "next": median(took[1:]),
        "check": checked,
    }


async def _prove(url: str, keys: Keys, number: int, times: int) -> tuple[list[float], bytes]:
    connection, subtrees = await connect(url, "bench"), Subtrees()
    took, proof = list[float](), b""
    for _ in range(1 + times):
        begun = time.perf_counter()
        proof = await bundle(connection, keys, stream_id("deviation", number), subtrees=subtrees)
        took.append(time.perf_counter() - begun)
    await connection.close()
    return took, proof
