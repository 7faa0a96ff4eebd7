"""From a write to the webhook that tells of it, one at a time."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from statistics import median

from bench import product
from bench.plan import Figure, Record
from bench.product import until
from bench.rows.write import BODY
from bench.stage import Stage

_WRITES = 100
#: Between writes: every part of the system is at rest again.
_REST_SECONDS = 0.05


class _Receiver(HTTPServer):
    """Takes note of when each deviation was told of."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiving)
        self.told: dict[int, float] = {}


class _Receiving(BaseHTTPRequestHandler):
    server: _Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a delivery."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        now = time.perf_counter()
        self.server.told.setdefault(json.loads(content)["data"]["id"], now)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _measure(stage: Stage) -> Sequence[Figure]:
    with _receiving() as receiver, product.running(stage.database("write"), 2) as it:
        given = {"url": f"http://127.0.0.1:{receiver.server_port}/", "events": ["deviation.created"]}
        made = it.http.post("/api/webhooks/", json={**given, "secret": "a-secret-of-the-bench"})
        made.raise_for_status()
        times = sorted(_one(it, receiver) for _ in range(_WRITES + 5))
        it.http.delete(f"/api/webhooks/{made.json()['id']}/").raise_for_status()
    middle, late = median(times), times[len(times) * 99 // 100]
    return [
        Figure("write to webhook received, median", f"{middle:.1f} ms", "< 50 ms, recorded", middle < 50),
        Figure("write to webhook received, 99th percentile", f"{late:.1f} ms"),
    ]


def _one(it: product.Product, receiver: _Receiver) -> float:
    """Return the milliseconds from sending one write until its webhook came in."""
    time.sleep(_REST_SECONDS)
    begun = time.perf_counter()
    number = it.http.post("/api/deviations/", content=BODY, headers=it.headers).json()["id"]
    until(lambda: number in receiver.told, "a webhook")
    return (receiver.told[number] - begun) * 1000


@contextmanager
def _receiving() -> Iterator[_Receiver]:
    with _Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()


RECORD = Record(
    name="webhook",
    how=(
        f"{_WRITES} writes one after the other on an idle system, from sending the POST until its webhook has arrived "
        "at a receiver on this machine."
    ),
    measure=_measure,
)
