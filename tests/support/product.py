"""The product as real processes: API and worker on a test's database, or the whole of `flowledger up`."""

import os
import secrets
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

ADMIN_PASSWORD = "correct-horse"
_QUICK = {
    "FLOWLEDGER_ADMIN_PASSWORD": ADMIN_PASSWORD,
    "FLOWLEDGER_WEBHOOK_ALLOW_PRIVATE": "1",
    "FLOWLEDGER_CHECKPOINT_SECONDS": "1",
    "FLOWLEDGER_WEBHOOK_SWEEP_SECONDS": "0.5",
    "FLOWLEDGER_LOG_FORMAT": "json",
    "FLOWLEDGER_RATE_LIMIT": "off",
}


def until(holds: Callable[[], Any], seconds: float = 40.0, says: str = "it") -> Any:
    """Return the first true answer; fail where none comes in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := holds():
                return found
        except (httpx.HTTPError, OSError):
            pass
        assert time.monotonic() < end, f"{says} did not happen within {seconds} s"
        time.sleep(0.02)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Process:
    """One of our commands as a process; its output goes to files that a failed test shows."""

    def __init__(self, *command: str, data: Path, env: Mapping[str, str]) -> None:
        """Start `flowledger COMMAND`."""
        data.mkdir(parents=True, exist_ok=True)
        self.log = data / f"{command[0]}-{secrets.token_hex(3)}.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWLEDGER_", "DATABASE_"))}
        with self.log.open("w") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "flowledger", *command, "--data", str(data)],
                env={**kept, **_QUICK, **env},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and wait for the end; return the exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(15)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise

    def tell(self) -> str:
        """Return what it said."""
        return self.log.read_text()


class Client:
    """Speaks to the API as one user, over connections that all users of a product share."""

    def __init__(self, http: httpx.Client, token: str | None = None) -> None:
        """Speak with a token if there is one."""
        self._http = http
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Ask; what httpx takes."""
        headers = {**self.headers, **given.pop("headers", {})}
        return self._http.request(method, path, headers=headers, **given)

    def get(self, path: str, **given: Any) -> httpx.Response:
        """GET."""
        return self.request("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:
        """POST."""
        return self.request("POST", path, **given)

    def put(self, path: str, **given: Any) -> httpx.Response:
        """PUT."""
        return self.request("PUT", path, **given)

    def patch(self, path: str, **given: Any) -> httpx.Response:
        """PATCH."""
        return self.request("PATCH", path, **given)

    def delete(self, path: str, **given: Any) -> httpx.Response:
        """DELETE."""
        return self.request("DELETE", path, **given)

    def sign_in(self, username: str, password: str) -> "Client":
        """Return a client that is signed in."""
        answer = self._http.post("/api/auth/token/", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        return Client(self._http, answer.json()["access"])


class Product:
    """An API process and a worker process on a database."""

    def __init__(self, data: Path, dsn: str, admin_dsn: str, **env: str) -> None:
        """Prepare; `start` runs them."""
        self.data = data
        self.env = {"DATABASE_URL": dsn, "DATABASE_ADMIN_URL": admin_dsn, **env}
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.base, timeout=15, trust_env=False)
        self.api: Process | None = None
        self.worker: Process | None = None

    def start(self) -> "Product":
        """Migrate, start, and wait until it is ready."""
        migrated = Process("migrate", data=self.data, env=self.env)
        assert migrated.popen.wait(30) == 0, migrated.tell()
        self.api = Process("serve", "--port", str(self.port), data=self.data, env=self.env)
        self.worker = Process("work", data=self.data, env=self.env)
        try:
            until(lambda: self.http.get("/readyz").status_code == 200, 30, "ready")
        except AssertionError:
            print(self.api.tell(), self.worker.tell())
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop both."""
        for process in (self.api, self.worker):
            if process is not None:
                process.stop()
        self.http.close()

    def anonymous(self) -> Client:
        """Return a client that is not signed in."""
        return Client(self.http)

    def admin(self) -> Client:
        """Return a client signed in as the administrator."""
        return self.anonymous().sign_in("admin", ADMIN_PASSWORD)


class People:
    """Users made as a test needs them, each with the password that `password` tells."""

    def __init__(self, product: Product) -> None:
        """Make users in a product."""
        self._product = product
        self._admin = product.admin()
        self._clients: dict[str, tuple[int, Client]] = {}

    def __call__(self, role: str, *, department: str = "", another: int = 0) -> Client:
        """Return a client signed in with a role; the same each time but for `another`."""
        return self._of(role, department, another)[1]

    def id(self, role: str, *, department: str = "", another: int = 0) -> int:
        """Return the id of the user that the same call gives a client of."""
        return self._of(role, department, another)[0]

    @staticmethod
    def password(role: str) -> str:
        """Return the password of every user with a role."""
        return f"{role}-password"

    def _of(self, role: str, department: str, another: int) -> tuple[int, Client]:
        key = f"{role}/{department}/{another}"
        if key not in self._clients:
            name = f"{role}-{secrets.token_hex(4)}"
            given = {
                "username": name,
                "password": self.password(role),
                "email": f"{name}@example.com",
                "first_name": role.title(),
                "last_name": f"Person{another}",
                "roles": [role],
                "department": department,
            }
            made = self._admin.post("/api/users/", json=given)
            assert made.status_code == 201, made.text
            self._clients[key] = (made.json()["id"], self._product.anonymous().sign_in(name, self.password(role)))
        return self._clients[key]


@contextmanager
def running(data: Path, dsn: str, admin_dsn: str, **env: str) -> Iterator[Product]:
    """Run the product for a while."""
    product = Product(data, dsn, admin_dsn, **env)
    try:
        yield product.start()
    finally:
        product.stop()


@contextmanager
def another_api(product: Product) -> Iterator[str]:
    """Run one more API process of a product for a while; lend its address."""
    port = free_port()
    process = Process("serve", "--port", str(port), data=product.data, env=product.env)
    try:
        base = f"http://127.0.0.1:{port}"
        until(lambda: product.http.get(f"{base}/readyz").status_code == 200, 30, "another ready")
        yield base
    finally:
        process.stop()
