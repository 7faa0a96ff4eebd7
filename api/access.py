"""The access log: a line a request, so cheap that it can always be on."""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import structlog
from msgspec import Struct

#: Paths in which nothing can be secret: short words. Any other goes the long way, through what masks secrets.
_HARMLESS = re.compile(r"(?:/[A-Za-z0-9_.-]{0,19})*", re.ASCII)

_TOGETHER_SECONDS = 0.05

Tell = Callable[[str, str, int, float, str], None]


class _Line(Struct, frozen=True):
    """A line as every other log line is: what tells the rest of the world first."""

    timestamp: str
    level: str
    logger: str
    event: str
    request_id: str
    method: str
    path: str
    status: int
    ms: float


def access_log() -> Tell:
    """Return what logs a request: method, path, status, when it began (`perf_counter`), and its id.

    Where logs are JSON the line is encoded at once, past structlog's processors; their time is that of twenty requests.
    """
    log = structlog.get_logger("access")

    def slowly(method: str, path: str, status: int, begun: float, request_id: str) -> None:
        log.info("request", request_id=request_id, method=method, path=path, status=status, ms=_milliseconds(begun))

    config = structlog.get_config()
    if isinstance(config["processors"][-1], structlog.dev.ConsoleRenderer) or not log.is_enabled_for(20):
        return slowly
    lines = _Lines(config["logger_factory"]("access").info)
    encode = msgspec.json.Encoder().encode

    def quickly(method: str, path: str, status: int, begun: float, request_id: str) -> None:
        if not _HARMLESS.fullmatch(path):
            slowly(method, path, status, begun, request_id)
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = _Line(now, "info", "access", "request", request_id, method, path, status, _milliseconds(begun))
        lines.add(encode(line).decode())

    return quickly


class _Lines:
    """Writes lines together: under load a call of the operating system each would cost as much as making them."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """Write a line within the next moment. Must be called on an event loop."""
        if not self._lines:
            asyncio.get_running_loop().call_later(_TOGETHER_SECONDS, self._flush)
        self._lines.append(line)

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        self._write("\n".join(lines))


def _milliseconds(begun: float) -> float:
    return round((time.perf_counter() - begun) * 1000, 2)
