"""What all rows share: one PostgreSQL with the product's own tuning, databases on it, and a ledger with a history."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench import history
from flowledger.administrator import ensure_administrator
from flowledger.postgres import Embedded, Urls
from flowledger.schema import bring_up
from ledger.keys import Keys

PASSWORD = "correct-horse"


@dataclass(frozen=True)
class Database:
    """A database of our schema: connection strings of the application's role and of the owner, folder of its keys."""

    url: str
    owner: str
    data: Path
    events: int = 0

    @property
    def keys(self) -> Keys:
        """The keys of what is sealed in it."""
        return Keys(self.data / "keys")


@dataclass
class Stage:
    """One run: the server, and how long to measure.

    seconds: of one sample, where a side is measured by time. rounds: samples of each side.
    """

    folder: Path
    urls: Urls
    rounds: int
    seconds: float
    events: int
    _made: dict[str, Database] = field(default_factory=dict)

    def peers(self) -> str:
        """Return the connection string, as its owner, of the database in which peers keep their tables."""
        url = self._url(self.urls.local_admin, "peers")
        if "peers" not in self._made:
            self._create("peers")
            self._made["peers"] = Database(url, url, self.folder / "peers")
        return url

    def database(self, name: str, events: int = 0) -> Database:
        """Return a database of ours with an administrator and so many events of deviations, made once a run."""
        if name not in self._made:
            self._create(name)
            url, owner = (self._url(one, name) for one in (self.urls.local_application, self.urls.local_admin))
            bring_up(owner, url)
            made = Database(url, owner, self.folder / name, events)
            asyncio.run(ensure_administrator(url, made.keys, PASSWORD))
            if events:
                asyncio.run(history.fill(url, made.keys, events, made.data / "checkpoints.log"))
                with psycopg.connect(owner, autocommit=True) as connection:
                    connection.execute("VACUUM (ANALYZE)")
                    connection.execute("CHECKPOINT")
            self._made[name] = made
        return self._made[name]

    def _create(self, name: str) -> None:
        (self.folder / name).mkdir()
        with psycopg.connect(self.urls.local_admin, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    @staticmethod
    def _url(url: str, name: str) -> str:
        return urlsplit(url)._replace(path=f"/{name}").geturl()


@contextmanager
def open_stage(rounds: int, seconds: float, events: int) -> Iterator[Stage]:
    """Start a server as `flowledger up` does, fsync and all, in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="flowledger-bench-"))
    folder.chmod(0o711)  # A service user, where one runs the server, has to reach its files below.
    embedded = Embedded(folder)
    try:
        embedded.start()
        yield Stage(folder, embedded.urls(), rounds, seconds, events)
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)
