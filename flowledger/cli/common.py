"""What every command begins with: its settings, its logs, its database."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flowledger.logs import configure
from flowledger.postgres import Embedded
from flowledger.schema import check_schema
from flowledger.settings import Settings

Data = Annotated[Path | None, Parameter(name="--data", help="The folder of the product's own data.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Answer as JSON.")]


class Unaskable(Exception):
    """The command could not be carried out at all; says why."""


class Database(NamedTuple):
    """Connection strings of the application's role and of the owner; the latter may not be known."""

    url: str
    admin_url: str | None

    def owner(self) -> str:
        """Return the owner's. Raises Unaskable where it is not known."""
        if self.admin_url is None:
            raise Unaskable("This takes the owner's connection: set DATABASE_ADMIN_URL.")
        return self.admin_url


def settings_of(data: Path | None) -> Settings:
    """Return the settings of the environment, and set up logs as they say. Raises SettingsError."""
    settings = Settings.read(os.environ, data)
    configure(settings.log_level, settings.log_format)
    return settings


@contextmanager
def database(settings: Settings, *, make: bool = False) -> Iterator[Database]:
    """Give the configured database, or the embedded one: the one that runs, or one started for the while.

    make: an embedded one that is not there yet is made. Raises PostgresError where it is not there and not to be made.
    """
    if settings.database_url is not None:
        yield Database(settings.database_url, settings.database_admin_url)
        return
    embedded = Embedded(settings.data)
    if not make:
        embedded.urls()
    with embedded.ensure() as urls:
        yield Database(urls.local_application, urls.local_admin)


@contextmanager
def migrated(settings: Settings) -> Iterator[Database]:
    """Give the database, with the schema of this version. Raises SchemaError for any other."""
    with database(settings) as base:
        check_schema(base.url)
        yield base


@contextmanager
def progress(says: str) -> Iterator[Progress]:
    """Show a progress bar on stderr, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        bar.add_task(says, total=None)
        yield bar


def answer(value: object, text: str, *, as_json: bool) -> None:
    """Write a result to stdout, for a program or for a person."""
    print(msgspec.json.encode(value).decode() if as_json else text)
