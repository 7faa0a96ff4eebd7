"""What was measured on: figures mean nothing without it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psycopg

from bench.generator import tool
from bench.stage import Stage

_LIBRARIES = ("eventsourcing", "litestar", "msgspec", "psycopg", "psycopg-pool", "uvicorn", "uvloop", "httptools")


def facts(stage: Stage) -> dict[str, str]:
    """Return the machine and the versions, by name."""
    return {
        "cores": str(os.cpu_count()),
        "processor": _of("/proc/cpuinfo", "model name"),
        "memory": f"{int(_of('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": f"{_postgres(stage)}, as `flowledger up` runs it: fsync, synchronous_commit and checksums on",
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
        "load generator": tool(),
        "niceness of the run": str(os.nice(0)),
    }


def load() -> str:
    """Return the load averages."""
    return ", ".join(f"{one:.1f}" for one in os.getloadavg())


def _of(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        left, _, right = line.partition(":")
        if left.strip() == name:
            return right.strip()
    return "unknown"


def _postgres(stage: Stage) -> str:
    with psycopg.connect(stage.urls.local_admin) as connection:
        row = connection.execute("SHOW server_version").fetchone()
        fsync = connection.execute("SHOW fsync").fetchone()
    assert fsync == ("on",), "durable appends are measured with fsync"
    return str(row[0]) if row else "unknown"
