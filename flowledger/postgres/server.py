"""Starting, sharing and stopping the embedded server."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import psycopg
import structlog

from flowledger.postgres import remains
from flowledger.postgres.binaries import Runner, runner
from flowledger.postgres.cluster import Access, Cluster, port_is_free
from flowledger.postgres.errors import PostgresError, explained
from flowledger.postgres.locks import FileLock
from flowledger.postgres.roles import APPLICATION, DATABASE, OWNER, furnish

_log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 3
_IMMEDIATE_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.02


class Urls(NamedTuple):
    """Connection strings of one server, over the loopback address and over its local socket.

    The local ones are faster by a third or more, and usable on this machine by this user only.
    """

    application: str
    admin: str
    local_application: str
    local_admin: str


class Embedded:
    """The PostgreSQL server of one data folder, shared by all who use it at the same time.

    Whoever starts it or finds it running uses it until `stop`; the last one to stop ends it. A
    server whose users were all killed goes on; the next user takes it over. Not for use by
    several threads at once.
    """

    def __init__(self, data: Path) -> None:
        self._cluster = Cluster(data)
        # Held while starting and stopping.
        self._change = FileLock(self._cluster.run / "postgres.change.lock")
        # Held, shared, while using; whoever can have it alone is the last.
        self._use = FileLock(self._cluster.run / "postgres.use.lock")
        self._child: subprocess.Popen[str] | None = None
        self._refusal = "nothing"

    def start(self, timeout: float = 60.0) -> None:
        """Have the server running and ready, made first if need be; then it is used by us.

        Takes over a server that runs, and clears up after one that was killed. `timeout` bounds
        the wait for readiness, recovery included. Raises PostgresError; nothing that this call
        started lives on then.
        """
        with explained(self._cluster.data), self._change:
            self._reap()
            if not self._takes_over(timeout):
                self._launch_somehow(timeout)
            self._use.take(shared=True)

    def stop(self, timeout: float = 5.0) -> None:
        """Use it no longer, and end it unless others do.

        Sessions are cut off at once; after `timeout` seconds the server is ended the hard way,
        from which the next start recovers.
        """
        if not self._use.held:
            return
        with self._change:
            alone = self._use.take(wait=False)
            self._use.drop()
            if alone:
                self._end(timeout)
            else:
                self._leave_running()
                _log.debug("postgres.left_running", why="other processes use it")

    @contextmanager
    def ensure(self) -> Iterator[Urls]:
        """Use the server for a while: the one that runs, or one started now and stopped after.

        Independent of `start` and `stop`: may be entered at any time, by any thread.
        """
        guest = Embedded(self._cluster.data)
        guest.start()
        try:
            yield guest.urls()
        finally:
            guest.stop()

    def is_running(self) -> bool:
        """Whether a server process is alive on this data folder, whoever started it."""
        return remains.postmaster(self._cluster.folder) is not None

    def urls(self) -> Urls:
        """The connection strings, whether it runs or not.

        Raises PostgresError when this data folder has no server yet. A start may move it to
        another port, when the one it had is taken by then.
        """
        access = self._cluster.access()
        if access is None:
            raise PostgresError(f"{self._cluster.data} holds no PostgreSQL yet")
        return _urls(access)

    @property
    def url(self) -> str:
        """The application's connection string."""
        return self.urls().application

    @property
    def admin_url(self) -> str:
        """The owner's connection string."""
        return self.urls().admin

    def _takes_over(self, timeout: float) -> bool:
        """Whether a running server is ready for us; waits for one that is about to stop."""
        access = self._cluster.access()
        if access is None or not self.is_running():
            return False
        if self._becomes_ready(access, timeout):
            return True
        if self.is_running():
            raise PostgresError(self._told(f"PostgreSQL does not answer within {timeout:g} s"))
        return False

    def _launch_somehow(self, timeout: float) -> None:
        """Launch, on another port each time that somebody took ours meanwhile."""
        for _ in range(_ATTEMPTS):
            remains.clear(self._cluster.folder, self._cluster.sockets())
            self._reap()
            how = runner(self._cluster.data)
            access = self._cluster.establish(how)
            if self._launch(how, access, timeout):
                return
            if port_is_free(access.port):
                break
        raise PostgresError(self._told("PostgreSQL did not start"))

    def _launch(self, how: Runner, access: Access, timeout: float) -> bool:
        with self._cluster.start_log.open("w", encoding="utf-8") as output:
            os.fchmod(output.fileno(), 0o600)
            child = how.start("postgres", "-D", str(self._cluster.folder), output=output)
        self._child = child
        ready = False
        try:
            ready = self._becomes_ready(access, timeout)
        finally:
            if not ready:
                self._end(timeout=0)
        return ready

    def _becomes_ready(self, access: Access, timeout: float) -> bool:
        """Whether the server answers within the time; False as soon as it is known to be dead."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._lives():
            try:
                with psycopg.connect(_admin(access), autocommit=True) as connection:
                    furnish(connection, access.application_password)
            except psycopg.Error as error:
                self._refusal = str(error).strip()
                time.sleep(_PAUSE_SECONDS)
            else:
                return True
        return False

    def _leave_running(self) -> None:
        """Should the server end while this process lives on, nobody but us can reap it."""
        if self._child is not None:
            threading.Thread(target=self._child.wait, daemon=True).start()
            self._child = None

    def _reap(self) -> None:
        """Forget the server process that we started, once it is dead."""
        if self._child and self._child.pid not in remains.processes(self._cluster.folder):
            self._child.wait()
            self._child = None

    def _lives(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return self.is_running()

    def _end(self, timeout: float) -> None:
        """End the server process, by and by harder, and all that it leaves."""
        for number, seconds in (
            (signal.SIGINT, timeout),
            (signal.SIGQUIT, _IMMEDIATE_SECONDS),
            (signal.SIGKILL, _IMMEDIATE_SECONDS),
        ):
            remains.kill(self._server_processes(), number)
            if remains.until(lambda: not self._lives(), seconds):
                break
        if self._child is not None:
            self._child.wait()
            self._child = None
        remains.clear(self._cluster.folder, self._cluster.sockets(), goodbye_seconds=0)
        self._cluster.leave_nothing_outside()

    def _server_processes(self) -> list[int]:
        if self._child is not None:
            return [self._child.pid] if self._child.poll() is None else []
        pid = remains.postmaster(self._cluster.folder)
        return [] if pid is None else [pid]

    def _told(self, what: str) -> str:
        return (
            f"{what} in {self._cluster.folder}; the last answer was: {self._refusal}\n"
            f"its log ends with:\n{self._cluster.log_tail()}"
        )


def _admin(access: Access) -> str:
    return f"{_tcp(OWNER, access.owner_password, access.port, 'postgres')}?connect_timeout=5"


def _urls(access: Access) -> Urls:
    users = ((APPLICATION, access.application_password), (OWNER, access.owner_password))
    local = f"host={quote(access.sockets, safe='')}&port={access.port}"
    return Urls(
        *(_tcp(user, password, access.port, DATABASE) for user, password in users),
        *(f"postgresql://{user}:{password}@/{DATABASE}?{local}" for user, password in users),
    )


def _tcp(user: str, password: str, port: int, database: str) -> str:
    return f"postgresql://{user}:{password}@127.0.0.1:{port}/{database}"
