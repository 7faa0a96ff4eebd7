"""Nothing that was acknowledged is lost, whatever is killed."""

import http.server
import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.product import ADMIN_PASSWORD, Process, free_port, until

_CLIENTS = 8
_GIVEN = {"title": "T", "description": "D", "category": "OTHER", "classification": "MINOR", "department": "crash"}
_SCHEDULE = ",".join(["0", *["0.5"] * 200])


class _Told:
    """A webhook's receiver: which deviations it was told of."""

    def __init__(self) -> None:
        told = self.numbers = set[str]()

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                told.add(body["data"]["deviation_number"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)

    @contextmanager
    def listening(self) -> Iterator["_Told"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


class _Reporter(threading.Thread):
    """A client that reports deviations without pause, and asks again with the same key where it got no answer."""

    def __init__(self, base: str, token: str, stop: threading.Event) -> None:
        super().__init__()
        self.acknowledged: list[tuple[int, str]] = []
        self._stop_it = stop
        self._client = httpx.Client(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=5, trust_env=False
        )

    def run(self) -> None:
        with self._client:
            while not self._stop_it.is_set():
                self._report(secrets.token_hex(8))

    def _report(self, key: str) -> None:
        while not self._stop_it.is_set():
            try:
                made = self._client.post("/api/deviations/", json=_GIVEN, headers={"Idempotency-Key": key})
            except httpx.HTTPError:
                self._stop_it.wait(0.05)
                continue
            if made.status_code == 201:
                self.acknowledged.append((made.json()["id"], made.json()["deviation_number"]))
                return
            assert made.status_code in (409, 503), made.text
            self._stop_it.wait(0.05)


def _kill_everything(data: Path) -> None:
    """SIGKILL every process of the product, PostgreSQL's too, at once."""
    victims = [
        process
        for process in psutil.process_iter(["name", "cmdline", "cwd"])
        if str(data) in " ".join(process.info["cmdline"] or ()) or str(data) in (process.info["cwd"] or "")
    ]
    assert any("postgres" in process.info["name"] for process in victims)
    for process in victims:
        with suppress(psutil.NoSuchProcess):  # A parent's death may have taken it along.
            process.kill()
    psutil.wait_procs(victims, 10)


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.clause("11.10(c)")
def test_what_was_acknowledged_survives_three_kills_of_everything(tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "var"
    base, env = f"http://127.0.0.1:{port}", {"FLOWLEDGER_WEBHOOK_SCHEDULE": _SCHEDULE}
    stop = threading.Event()
    with _Told().listening() as told, httpx.Client(base_url=base, trust_env=False, timeout=10) as client:

        def start() -> Process:
            process = Process("up", "--port", str(port), data=data, env=env)
            until(lambda: client.get("/readyz").status_code == 200, 60, "ready")
            return process

        product = start()
        given = {"username": "admin", "password": ADMIN_PASSWORD}
        token = client.post("/api/auth/token/", json=given).json()["access"]
        client.headers["Authorization"] = f"Bearer {token}"
        hook = {"url": told.url, "secret": "a-secret-of-mine", "events": ["deviation.created"]}
        assert client.post("/api/webhooks/", json=hook).status_code == 201
        reporters = [_Reporter(base, token, stop) for _ in range(_CLIENTS)]
        for reporter in reporters:
            reporter.start()
        for _ in range(3):
            before = sum(len(reporter.acknowledged) for reporter in reporters)
            until(lambda n=before: sum(len(one.acknowledged) for one in reporters) > n + 50, 60, "reports")
            _kill_everything(data)
            product.popen.wait(10)
            product = start()
        stop.set()
        for reporter in reporters:
            reporter.join()
        acknowledged = [made for reporter in reporters for made in reporter.acknowledged]
        stored = _stored(client)
        until(lambda: set(stored.values()) <= told.numbers, 60, "every delivery")
        assert product.stop() == 0
    assert dict(acknowledged) == {number: stored.get(number) for number, _ in acknowledged}
    year = next(iter(stored.values()))[4:8]
    assert sorted(stored.values()) == [f"DEV-{year}-{n:04d}" for n in range(1, len(stored) + 1)]
    for command in (["audit", "verify"], ["audit", "replay"]):
        checked = subprocess.run(
            [sys.executable, "-m", "flowledger", *command, "--data", str(data)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


def _stored(client: httpx.Client) -> dict[int, str]:
    """Every deviation's id and number, as the list has them once it stands still."""
    found: dict[int, str] = {}
    path: str | None = "/api/deviations/?limit=200"
    while path:
        page = client.get(path).json()
        found |= {it["id"]: it["deviation_number"] for it in page["results"]}
        path = page["next"]
    return found
