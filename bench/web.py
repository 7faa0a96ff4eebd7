"""Peers that speak HTTP: processes on one port, served as the product serves itself."""

import importlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent


def serving(function: str, processes: int, **given: Any) -> AbstractContextManager[str]:
    """Serve what `function` returns, an ASGI application, in so many processes; give its address."""
    return running("bench.web", function, processes, given)


@contextmanager
def running(module: str, function: str, processes: int, given: dict[str, Any]) -> Iterator[str]:
    """Run a module in so many processes, each with a socket of its own on one port; give the address.

    One socket between them would not do: who wakes first accepts all that is waiting, and the rest have nothing to do.
    """
    sockets = _sockets(processes)
    host, port = sockets[0].getsockname()
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, function, str(one.fileno()), json.dumps(given)],
            cwd=_ROOT,
            pass_fds=(one.fileno(),),
        )
        for one in sockets
    ]
    for one in sockets:
        one.close()
    try:
        _await_answers(host, port, 8 * processes)
        yield f"http://{host}:{port}"
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(15)


def _sockets(count: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    for _ in range(count):
        address = sockets[0].getsockname() if sockets else ("127.0.0.1", 0)
        sockets.append(socket.create_server(address, backlog=2048, reuse_port=True))
    return sockets


def _await_answers(host: str, port: int, connections: int) -> None:
    """Wait until so many connections are answered: the system deals them out among the processes by chance."""
    for _ in range(connections):
        with socket.create_connection((host, port), timeout=20) as asking:
            asking.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            assert asking.recv(1), "no answer"


def _main() -> None:
    from flowledger import serving as product  # noqa: PLC0415 - only in a process of its own
    from flowledger.settings import Settings  # noqa: PLC0415

    function, descriptor, given = sys.argv[1:]
    where, _, name = function.partition(":")
    application = getattr(importlib.import_module(where), name)(**json.loads(given))
    # The product's own way of serving, whatever it is, with another application in its place: the same settings.
    product.application = lambda *_, **__: application
    product.serve(Settings(), "", socket.socket(fileno=int(descriptor)))


if __name__ == "__main__":
    _main()
