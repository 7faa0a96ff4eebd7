"""What runs on a cluster's folder, and clearing up after what died there.

PostgreSQL's processes are known by their program's name and by their working folder, which is the
cluster's: a process id in a file proves nothing, since ids are used again.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from flowledger.postgres.errors import PostgresError

_PROCESSES: Final = Path("/proc")
_DEATH_SECONDS: Final = 5.0


def until(true: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Whether `true` becomes so within `seconds`; asks again after each `pause`."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def processes(cluster: Path) -> list[int]:
    """The ids of all PostgreSQL processes that work in the folder `cluster`."""
    place = str(cluster.resolve())
    ids = (int(entry.name) for entry in _PROCESSES.iterdir() if entry.name.isdecimal())
    return [pid for pid in ids if _works_in(pid, place)]


def _works_in(pid: int, place: str) -> bool:
    process = _PROCESSES / str(pid)
    try:
        program = (process / "exe").readlink().name.removesuffix(" (deleted)")
        return program == "postgres" and str((process / "cwd").readlink()) == place
    except OSError:  # it ended meanwhile, is a zombie, or is somebody else's
        return False


def postmaster(cluster: Path) -> int | None:
    """The id of the server process that runs `cluster`, or None."""
    try:
        line = (cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]
        pid = int(line)
    except (FileNotFoundError, ValueError):
        return None
    return pid if _works_in(pid, str(cluster.resolve())) else None


def clear(cluster: Path, sockets: Path, goodbye_seconds: float = 1.0) -> None:
    """Make room for a start where no server runs: end orphaned processes, remove stale lock files.

    An orphan notices by itself that its server died, unless it is at work. It gets
    `goodbye_seconds`, then SIGKILL: as long as one lives, it keeps the shared memory, and
    PostgreSQL refuses to start.

    Raises PostgresError when one does not die.
    """
    if not until(lambda: not processes(cluster), goodbye_seconds):
        kill(processes(cluster), signal.SIGKILL)
    if not until(lambda: not processes(cluster), _DEATH_SECONDS):
        raise PostgresError(f"processes of an earlier PostgreSQL in {cluster} do not end")
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    for stale in sockets.glob(".s.PGSQL.*"):
        stale.unlink(missing_ok=True)


def kill(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to processes, some of which may be gone."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
