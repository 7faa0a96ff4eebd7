"""Locks between processes, as files. The kernel drops them when their process dies, however."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from flowledger.postgres.errors import DataInUseError, explained


class FileLock:
    """One lock on one file; `flock`, since a POSIX lock falls when any descriptor is closed.

    The descriptor isn't inherited by programs that this process starts, so none of them can keep
    the lock after us.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock, or change the kind held; False when not waiting and another has it.

        A change that fails may leave nothing held.
        """
        if self._descriptor is None:
            self._descriptor = _open(self._path)
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def drop(self) -> None:
        """Let go of the lock; nothing happens when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def held(self) -> bool:
        """Whether this object has the lock file open."""
        return self._descriptor is not None

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()


def _open(path: Path) -> int:
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


class DataLock:
    """The right to run the product on one data folder: `with DataLock(data): …`.

    Entering raises DataInUseError at once, naming the holder, when another process has it.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / "lock"
        self._lock = FileLock(self._path)

    def __enter__(self) -> Self:
        if not self._lock.take(wait=False):
            self._lock.drop()
            raise DataInUseError(f"{self._path.parent} is in use by {self._holder()}")
        self._path.write_text(f"{os.getpid()}\n", encoding="ascii")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.drop()

    def _holder(self) -> str:
        pid = self._path.read_text(encoding="ascii").strip()
        return f"process {pid}" if pid else "another process"
