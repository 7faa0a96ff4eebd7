"""A subscriber for tests that are not async: a real HTTP server in a thread, that keeps what it gets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec


class Received(NamedTuple):
    """One request, as it came in."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The message's id."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        """The body, decoded."""
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded


class Subscriber(ThreadingHTTPServer):
    """Answers each request with what `status` says."""

    def __init__(self) -> None:
        """Listen on a free port of loopback."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.path = f"/{uuid4()}"
        self.received: list[Received] = []
        self.status: Callable[[Received], int] = lambda _: 200

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}{self.path}"


class _Handler(BaseHTTPRequestHandler):
    server: Subscriber
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a delivery."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(headers, self.rfile.read(int(headers["content-length"])))
        if self.path == self.server.path:
            self.server.received.append(received)
            self.send_response(self.server.status(received))
        else:
            # Meant for whoever had this port before: a webhook outlives the test that made it.
            self.send_response(410)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def subscriber() -> Iterator[Subscriber]:
    """Have a subscriber for a while."""
    with Subscriber() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
