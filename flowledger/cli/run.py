"""Running the product: all of it with `up`, or its parts one by one."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import psycopg
import structlog
from cyclopts import Parameter
from cyclopts.validators import Number

from flowledger.administrator import Credentials, ensure_administrator
from flowledger.cli.common import Data, Database, Json, Unaskable, answer, database, settings_of
from flowledger.postgres import DataLock, Embedded
from flowledger.schema import bring_up, check_schema
from flowledger.settings import Settings
from flowledger.supervise import Child, listen, listen_each, supervise
from flowledger.untold import Untold
from ledger.checkpoint import shrunk
from ledger.keys import Keys
from ledger.note import NoteError

log = structlog.get_logger(__name__)

Host = Annotated[str, Parameter(help="The address to listen on.")]
Port = Annotated[int, Parameter(help="The port to listen on; 0 takes any that is free.")]
Workers = Annotated[int, Parameter(help="How many API processes share the port.", validator=Number(gte=1))]


def up(*, data: Data = None, host: Host = "127.0.0.1", port: Port = 8000, api_workers: Workers = 1) -> int:
    """Run everything: the database unless DATABASE_URL names one, migrations, the API and the workers."""
    settings = settings_of(data)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with DataLock(settings.data), _stoppable():
        embedded = None if settings.database_url else Embedded(settings.data)
        try:
            base = _database(settings, embedded)
            if base.admin_url is not None:
                bring_up(base.admin_url, base.url)
            check_schema(base.url)
            _refuse_shrunk(settings, base.url)
            # First of all: an administrator must not be made by a start that then fails for its port.
            listening = listen_each(host, port, api_workers)
            untold = Untold(settings.keys)
            made = asyncio.run(ensure_administrator(base.url, Keys(settings.keys), settings.admin_password, untold))
            _greet(listening[0])
            _tell(made, untold)
            children = [
                *_api_children(settings, base, listening),
                _child("worker", ["work"], settings, base, stage=1),
            ]
            return supervise(children, drain_seconds=settings.drain_seconds, foundation=embedded)
        finally:
            if embedded is not None:
                embedded.stop()


def serve(
    *,
    data: Data = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    api_workers: Workers = 1,
    fd: Annotated[int | None, Parameter(show=False)] = None,
) -> int:
    """Serve the API."""
    from flowledger.serving import serve as run  # noqa: PLC0415 - the other commands start without it

    settings = settings_of(data)
    with database(settings) as base:
        if fd is not None:
            run(settings, base.url, socket.socket(fileno=fd))
            return 0
        _check(settings, base.url)
        if api_workers == 1:
            listening = listen(host, port)
            _greet(listening)
            run(settings, base.url, listening)
            return 0
        each = listen_each(host, port, api_workers)
        _greet(each[0])
        return supervise(list(_api_children(settings, base, each)), drain_seconds=settings.drain_seconds)


def work(*, data: Data = None) -> int:
    """Run the workers: read models, webhooks, checkpoints."""
    from flowledger.working import work as run  # noqa: PLC0415 - the other commands start without it

    settings = settings_of(data)
    with database(settings) as base:
        _check(settings, base.url)
        run(settings, base.url)
    return 0


def migrate(*, data: Data = None, json: Json = False) -> int:
    """Bring the database's schema up to this version, and make the administrator where there is none."""
    settings = settings_of(data)
    untold = Untold(settings.keys)
    with database(settings, make=True) as base:
        applied = bring_up(base.owner(), base.url)
        made = asyncio.run(ensure_administrator(base.url, Keys(settings.keys), settings.admin_password, untold))
    names = [f"{migration.package}/{migration.name}" for migration in applied]
    text = "\n".join(f"applied {name}" for name in names) or "the schema is up to date"
    answer({"applied": names}, text, as_json=json)
    _tell(made, untold)
    return 0


def _database(settings: Settings, embedded: Embedded | None) -> Database:
    if embedded is None:
        assert settings.database_url is not None  # noqa: S101 - that is why nothing is embedded
        return Database(settings.database_url, settings.database_admin_url)
    embedded.start()
    urls = embedded.urls()
    return Database(urls.local_application, urls.local_admin)


def _check(settings: Settings, url: str) -> None:
    """Raise SchemaError for another schema; a database that is away is waited for by the parts themselves.

    Raises Unaskable for a ledger that has fewer events than were signed.
    """
    try:
        check_schema(url)
        _refuse_shrunk(settings, url)
    except psycopg.OperationalError as error:
        log.warning("database_away", error=str(error))


def _refuse_shrunk(settings: Settings, url: str) -> None:
    """Raise Unaskable where fewer events are there than were signed: nothing is added before somebody has said why."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            signed = shrunk(connection, Keys(settings.keys), settings.checkpoints)
    except NoteError as error:  # The record itself is not at stake: verifying tells of it.
        log.error("checkpoint_file_damaged", error=str(error))  # noqa: TRY400 - no bug
        return
    if signed is not None:
        raise Unaskable(
            f"The ledger has fewer events than the {signed} that were signed. If a backup was restored, "
            "`flowledger audit acknowledge` records that; if not, `flowledger audit verify` says what is missing."
        )


def _api_children(settings: Settings, base: Database, listening: Sequence[socket.socket]) -> Iterator[Child]:
    for number, descriptor in enumerate((one.fileno() for one in listening), 1):
        yield _child(f"api-{number}", ["serve", "--fd", str(descriptor)], settings, base, fds=(descriptor,))


def _child(name: str, command: Sequence[str], settings: Settings, base: Database, **more: Any) -> Child:
    argv = (sys.executable, "-m", "flowledger", *command, "--data", str(settings.data))
    env = {**os.environ, "DATABASE_URL": base.url, "FLOWLEDGER_LOG_FORMAT": "json"}
    env.pop("FLOWLEDGER_ADMIN_PASSWORD", None)
    env.pop("DATABASE_ADMIN_URL", None)
    return Child(name=name, argv=argv, env=env, **more)


def _greet(listening: socket.socket) -> None:
    host, port, *_ = listening.getsockname()
    shown = f"[{host}]" if ":" in host else host
    print(
        f"Flowledger listens on http://{shown}:{port}/ (API documentation: http://{shown}:{port}/api/docs/)", flush=True
    )


def _tell(made: Credentials | None, untold: Untold) -> None:
    """Tell the administrator's credentials, this once; a password that was given is not repeated."""
    if made is None:
        return
    shown = f"password {made.password}" if made.made_up else "the password of FLOWLEDGER_ADMIN_PASSWORD"
    print(f"The administrator is {made.username}, {shown}", flush=True)
    untold.forget()


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a SIGTERM that comes before the supervisor's own handler unwind, so that nothing is left running."""

    def leave(*_: object) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
