"""Test databases: one PostgreSQL a run, one template in it with the whole schema, a copy of that for each test."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from flowledger.postgres import Embedded, Urls
from flowledger.postgres.locks import FileLock
from flowledger.schema import PACKAGES, bring_up
from ledger.migrate import migrations

_PREFIX: Final = "flowledger-tests-"
_TEMPLATE_LOCK: Final = 1

# A test's data need not outlive a crash; and a vacuum at work in the template would hold up its copying.
_SETTINGS: Final = ("fsync = off", "full_page_writes = off", "autovacuum = off")


class Run:
    """The folder of one test run. A run that was killed leaves its server behind: the next run ends it."""

    def __init__(self) -> None:
        """Make the folder, and clear up after runs that are over."""
        with FileLock(Path(tempfile.gettempdir(), f"{_PREFIX}lock")):
            for abandoned in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/"):
                _remove_unless_in_use(abandoned)
            self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
            # A service user, where one runs the server, has to reach its files below.
            self.folder.chmod(0o711)
            self._alive = _liveness(self.folder)
            self._alive.take()

    def end(self) -> None:
        """Stop the server, whoever started it, and remove the folder."""
        self._alive.drop()
        _remove_unless_in_use(self.folder)


def _liveness(folder: Path) -> FileLock:
    return FileLock(folder / "alive.lock")


def _remove_unless_in_use(folder: Path) -> None:
    alive = _liveness(folder)
    if not alive.take(wait=False):
        alive.drop()
        return
    server = Embedded(folder)
    if server.is_running():
        server.start()
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    alive.drop()


class Database(NamedTuple):
    """One test's own database: connection strings of its owner and of the application's role."""

    name: str
    owner_dsn: str
    app_dsn: str


class Server:
    """The PostgreSQL of a test run, started by whoever needs it first."""

    def __init__(self, folder: Path) -> None:
        """Use the server of a run's folder; `start` has it running."""
        self._embedded = Embedded(folder)
        self._urls: Urls | None = None
        self._admin: psycopg.Connection[Any] | None = None

    @contextmanager
    def running(self) -> Iterator["Server"]:
        """Have the server running for a while, quick and forgetful."""
        self._embedded.start()
        try:
            self._urls = self._embedded.urls()
            with psycopg.connect(self._dsn("postgres", owner=True), autocommit=True) as self._admin:
                for setting in _SETTINGS:
                    self._execute("ALTER SYSTEM SET " + setting)
                self._execute("SELECT pg_reload_conf()")
                yield self
        finally:
            self._embedded.stop()

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[Database]:
        """Lend a database of one's own; some 25 ms. An empty one where not `migrated`."""
        name = f"test_{uuid.uuid4().hex}"
        template = self._template() if migrated else "template0"
        self._copy(template, name)
        try:
            yield Database(name, self._dsn(name, owner=True), self._dsn(name, owner=False))
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _template(self) -> str:
        """Name the template that holds the migrations as they are now, made by whoever comes first."""
        texts = (migration.text() for migration in migrations(PACKAGES))
        name = f"template_{sha256(chr(0).join(texts).encode()).hexdigest()[:16]}"
        self._execute("SELECT pg_advisory_lock(%s)", values=(_TEMPLATE_LOCK,))
        try:
            if not self._exists(name):
                building = f"building_{uuid.uuid4().hex}"
                self._execute("CREATE DATABASE {}", building)
                bring_up(self._dsn(building, owner=True), self._dsn(building, owner=False))
                self._execute("ALTER DATABASE {} RENAME TO {}", building, name)
        finally:
            self._execute("SELECT pg_advisory_unlock(%s)", values=(_TEMPLATE_LOCK,))
        return name

    def _copy(self, template: str, name: str) -> None:
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)

    def _exists(self, name: str) -> bool:
        assert self._admin is not None
        found = self._admin.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
        return found.fetchone() is not None

    def _execute(self, statement: str, *names: str, values: tuple[object, ...] = ()) -> None:
        assert self._admin is not None
        self._admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)), values or None)

    def _dsn(self, database: str, *, owner: bool) -> str:
        assert self._urls is not None
        url = self._urls.local_admin if owner else self._urls.local_application
        return urlsplit(url)._replace(path=f"/{database}").geturl()
