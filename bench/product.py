"""The product as its users run it: the API's processes and a worker, on a database of the bench's server."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.stage import PASSWORD, Database

_ROOT = Path(__file__).parent.parent
_LAG = "SELECT (SELECT size FROM ledger.head) - coalesce(min(position), 0) FROM ops.positions"


class Product:
    """A running product, and the administrator's token."""

    def __init__(self, database: Database, workers: int) -> None:
        """Take a database; `start` runs the processes."""
        self._database = database
        self._workers = workers
        self._processes: list[subprocess.Popen[bytes]] = []
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self._port = int(listening.getsockname()[1])
        self.address = f"http://127.0.0.1:{self._port}"
        self.http = httpx.Client(base_url=self.address, timeout=15, trust_env=False)

    def start(self) -> None:
        """Start, and wait until it is ready and up to date."""
        self._run("work")
        self._run("serve", "--port", str(self._port), "--api-workers", str(self._workers))
        until(lambda: self.http.get("/readyz").status_code == 200, "the product to be ready")
        self.settle()
        signed_in = self.http.post("/api/auth/token/", json={"username": "admin", "password": PASSWORD})
        signed_in.raise_for_status()
        self.http.headers["Authorization"] = f"Bearer {signed_in.json()['access']}"

    def stop(self) -> None:
        """Stop all of it."""
        self.http.close()
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait(20)

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request of the administrator's carries."""
        return {"Authorization": self.http.headers["Authorization"], "Content-Type": "application/json"}

    @property
    def api(self) -> list[int]:
        """The ids of the processes that answer."""
        top = self._processes[1].pid
        children = Path(f"/proc/{top}/task/{top}/children").read_text().split()
        return [int(child) for child in children] or [top]

    def settle(self) -> None:
        """Wait until every consumer of the ledger is at its end, so that one side's work does not fall on the next."""
        with psycopg.connect(self._database.url, autocommit=True) as connection:
            until(lambda: connection.execute(_LAG).fetchone() == (0,), "the consumers to catch up", 120)

    def count(self) -> int:
        """Return how many deviations the list says there are."""
        answer = self.http.get("/api/deviations/")
        answer.raise_for_status()
        return int(answer.json()["count"])

    def tell(self) -> str:
        """Return the end of what its processes logged."""
        return "\n".join(path.read_text()[-3000:] for path in self._database.data.glob("*.out"))

    def _run(self, command: str, *more: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWLEDGER_", "DATABASE_"))}
        ours = {"FLOWLEDGER_WEBHOOK_ALLOW_PRIVATE": "1", "FLOWLEDGER_RATE_LIMIT": "off"}
        env = {**kept, "DATABASE_URL": self._database.url, **ours}
        argv = [sys.executable, "-m", "flowledger", command, *more, "--data", str(self._database.data)]
        with (self._database.data / f"{command}.out").open("ab") as log:
            self._processes.append(subprocess.Popen(argv, cwd=_ROOT, env=env, stdout=log, stderr=log))


def until(holds: Callable[[], Any], what: str, seconds: float = 30) -> None:
    """Wait until something holds. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)


@contextmanager
def running(database: Database, workers: int = 2) -> Iterator[Product]:
    """Run the product for a while."""
    product = Product(database, workers)
    try:
        product.start()
        yield product
    except Exception:
        print(product.tell(), file=sys.stderr)
        raise
    finally:
        product.stop()
