"""HTTP load: `wrk` where it is installed, else a small generator of our own in a process beside us.

Both keep so many connections busy, one request after the other on each, and tell what was answered and how fast.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_ROOT = Path(__file__).parent.parent
_SCRIPT = """
wrk.method = {method}
wrk.body = {body}
{headers}
function done(summary, latency, requests)
    local errors = summary.errors
    local lost = errors.connect + errors.read + errors.write + errors.timeout
    local form = '"requests": %d, "seconds": %f, "refused": %d, "lost": %d, "p50": %f, "p99": %f'
    io.write(string.format('\\nRESULT {{' .. form .. '}}\\n', summary.requests, summary.duration / 1e6, errors.status,
        lost, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


@dataclass(frozen=True)
class Request:
    """What every connection asks, again and again."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class Load(NamedTuple):
    """What came of it. refused: answers of 400 and above; lost: connections that broke. Percentiles in milliseconds."""

    requests: int
    seconds: float
    refused: int
    lost: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def tool() -> str:
    """Return the generator that is used here."""
    if found := shutil.which("wrk"):
        told = subprocess.run([found, "-v"], capture_output=True, text=True, check=False)
        return " ".join((told.stdout + told.stderr).split()[:2])
    return "our own (bench/generator.py), as wrk is not installed"


def drive(request: Request, connections: int, seconds: float) -> Load:
    """Ask for so long over so many connections. Raises RuntimeError where anything was refused or lost."""
    found = _wrk(request, connections, seconds) if shutil.which("wrk") else _own(request, connections, seconds)
    if found.refused or found.lost or not found.requests:
        raise RuntimeError(f"{request.method} {request.url}: {found}")
    return found


def _wrk(request: Request, connections: int, seconds: float) -> Load:
    headers = "".join(f"wrk.headers[{json.dumps(n)}] = {json.dumps(v)}\n" for n, v in request.headers.items())
    script = _SCRIPT.format(method=json.dumps(request.method), body=json.dumps(request.body), headers=headers)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        how = ["-t", "1", "-c", str(connections), "-d", f"{max(1, round(seconds))}s", "--timeout", "10s"]
        return _told(["wrk", *how, "-s", file.name, request.url])


def _own(request: Request, connections: int, seconds: float) -> Load:
    given = json.dumps([asdict(request), connections, seconds])
    return _told([sys.executable, "-m", "bench.generator", given])


def _told(command: list[str]) -> Load:
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not results:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")
    return Load(**json.loads(results[-1].removeprefix("RESULT ")))


class _Connection(asyncio.Protocol):
    """One keep-alive connection: asks again as soon as it is answered. Reads answers that tell their length."""

    def __init__(self, question: bytes, until: float) -> None:
        self._question, self._until = question, until
        self._got = bytearray()
        self._asked = 0.0
        self.times: list[float] = []
        self.refused = 0
        self.lost = 0
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._got[:end]).lower()
        if len(self._got) < end + 4 + int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            return
        self._got.clear()
        now = time.perf_counter()
        self.times.append(now - self._asked)
        self.refused += head[9:10] in (b"4", b"5")
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost += time.perf_counter() < self._until
        self.over.set_result(None)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._question)


async def _run(request: Request, connections: int, seconds: float) -> Load:
    to = urlsplit(request.url)
    path = to.path + (f"?{to.query}" if to.query else "")
    headers = {"Host": to.netloc, **request.headers, "Content-Length": str(len(request.body.encode()))}
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    question = "\r\n".join(lines).encode() + request.body.encode()
    begun = time.perf_counter()
    made = [
        await asyncio.get_running_loop().create_connection(
            lambda: _Connection(question, begun + seconds), to.hostname, to.port
        )
        for _ in range(connections)
    ]
    protocols = [protocol for _, protocol in made]
    await asyncio.gather(*(protocol.over for protocol in protocols))
    times = sorted(one for protocol in protocols for one in protocol.times)
    return Load(
        requests=len(times),
        seconds=time.perf_counter() - begun,
        refused=sum(protocol.refused for protocol in protocols),
        lost=sum(protocol.lost for protocol in protocols),
        p50=times[len(times) // 2] * 1000 if times else 0.0,
        p99=times[len(times) * 99 // 100] * 1000 if times else 0.0,
    )


def _main() -> None:
    import uvloop  # noqa: PLC0415 - only here, in a process of its own

    given, connections, seconds = json.loads(sys.argv[1])
    found = uvloop.run(_run(Request(**given), connections, seconds))
    print("RESULT " + json.dumps(found._asdict()))


if __name__ == "__main__":
    _main()
