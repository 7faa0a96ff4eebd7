"""The stock PostgresApplicationRecorder: threads that each insert one event at a time."""

import time
from threading import Lock, Thread
from typing import Any
from uuid import uuid4

from eventsourcing.persistence import ApplicationRecorder, InfrastructureFactory, StoredEvent

from bench.peers.library import environment

#: As the factory names it where no application does.
TABLE = "stored_events"
_WARM_SECONDS = 0.5


def append(url: str, threads: int, seconds: float, topic: str, state: str) -> dict[str, Any]:
    """Insert from so many threads."""
    with InfrastructureFactory.construct(environment(url)) as factory:
        recorder = factory.application_recorder()
        warm, _ = _measure(recorder, threads, _WARM_SECONDS, topic, state.encode())
        done, took = _measure(recorder, threads, seconds, topic, state.encode())
        factory.close()
    return {"rate": done / took, "stored": warm + done}


def _measure(
    recorder: ApplicationRecorder, threads: int, seconds: float, topic: str, state: bytes
) -> tuple[int, float]:
    counts: list[int] = []
    lock = Lock()
    begun = time.perf_counter()

    def insert() -> None:
        done = 0
        while time.perf_counter() < begun + seconds:
            recorder.insert_events([StoredEvent(uuid4(), 1, topic, state)])
            done += 1
        with lock:
            counts.append(done)

    running = [Thread(target=insert) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert len(counts) == threads, "a thread of the peer's failed"
    return sum(counts), time.perf_counter() - begun
