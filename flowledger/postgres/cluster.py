"""The cluster on disk: its place, credentials, configuration, and what it must hold."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from flowledger.postgres.binaries import Runner
from flowledger.postgres.errors import PostgresError
from flowledger.postgres.roles import OWNER

# Below the ports that systems hand out to outgoing connections, so that none of those takes ours.
_PORTS: Final = range(20_000, 32_000)

# A socket's path holds 107 bytes on Linux.
_SOCKET_BYTES: Final = 107
# In the configuration's list of socket folders anything else would need quoting.
_PLAIN_PATH: Final = re.compile(r"[\w./+@=-]+", re.ASCII)

_CONFIGURATION: Final = """\
# Written by flowledger at every start.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 200

# An acknowledged event is on the disk.
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = pglz
max_wal_size = '2GB'
checkpoint_timeout = '15min'

shared_buffers = '256MB'
effective_cache_size = '1GB'
random_page_cost = 1.1
# Compiling costs more than it gains on statements as short as ours.
jit = off

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_rotation_age = '1d'
log_rotation_size = 0
log_truncate_on_rotation = on
log_checkpoints = off
log_line_prefix = '%m [%p] %q%u@%d '
"""


class Access(msgspec.Struct, frozen=True):
    """How the cluster is reached: kept in one file that only its owner may read."""

    owner_password: str
    application_password: str
    port: int
    sockets: str


class Cluster:
    """The files of one cluster below the data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.folder = self.data / "postgres"
        self.run = self.data / "run"
        self.start_log = self.run / "postgres-start.log"
        self._access_file = self.data / "keys" / "postgres.json"

    def access(self) -> Access | None:
        """How it is reached, or None when it was never made."""
        try:
            return msgspec.json.decode(self._access_file.read_bytes(), type=Access)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise PostgresError(f"can't read {self._access_file}: {error}") from error

    def establish(self, runner: Runner) -> Access:
        """Make what is missing and write the configuration for a start; the port is free then.

        A crash on the way leaves nothing half made: the cluster is built beside its place. Raises
        PostgresError, or OSError where the system refuses.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        made = (self.folder / "PG_VERSION").exists()
        if made and self.access() is None:
            raise PostgresError(f"{self._access_file}, with the passwords of its roles, is lost")
        access = self._renewed_access(runner)
        if not made:
            self._initialise(runner, access.owner_password)
        runner.claim(self.folder)
        configuration = self.folder / "flowledger.conf"
        text = _CONFIGURATION.format(port=access.port, sockets=access.sockets)
        _write(configuration, text.encode())
        runner.claim(configuration)
        return access

    def sockets(self) -> Path:
        """The folder of the server's local socket, as it is or as it would be."""
        access = self.access()
        return Path(access.sockets) if access else self.run / "postgres"

    def leave_nothing_outside(self) -> None:
        """Remove the socket's folder where it had to be outside the data folder."""
        folder = self.sockets()
        if not folder.is_relative_to(self.data):
            with suppress(OSError):
                folder.rmdir()

    def _renewed_access(self, runner: Runner) -> Access:
        """The stored access, its port and socket folder chosen again where they don't serve."""
        access = self.access() or Access(secrets.token_urlsafe(24), secrets.token_urlsafe(24), 0, "")
        port = access.port if port_is_free(access.port) else _free_port()
        renewed = msgspec.structs.replace(access, port=port, sockets=str(self._socket_folder(access, runner)))
        if renewed != access:
            _private_folder(self._access_file.parent)
            _write(self._access_file, msgspec.json.encode(renewed))
        return renewed

    def _socket_folder(self, access: Access, runner: Runner) -> Path:
        """A private folder whose path is short and plain enough for a socket's."""
        folder = self.run / "postgres"
        path = str(folder / ".s.PGSQL.65535")
        if len(os.fsencode(path)) <= _SOCKET_BYTES and _PLAIN_PATH.fullmatch(path):
            _private_folder(folder)
        else:
            folder = Path(access.sockets)
            if not access.sockets or not _is_private(folder, runner.uid):
                folder = Path(tempfile.mkdtemp(prefix="flowledger-", dir="/tmp"))
        runner.claim(folder)
        return folder

    def _initialise(self, runner: Runner, password: str) -> None:
        """Build the cluster in a new folder: an `initdb` whose parent was killed may still be
        at work in an older one."""
        for abandoned in self.data.glob("postgres.new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        building = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self.data))
        runner.claim(building)
        with tempfile.NamedTemporaryFile("w", dir=self.run, prefix="initdb-") as pwfile:
            pwfile.write(password)
            pwfile.flush()
            runner.claim(Path(pwfile.name))
            _initdb(runner, building, Path(pwfile.name))
        with (building / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write("\ninclude_if_exists = 'flowledger.conf'\n")
        building.rename(self.folder)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines that PostgreSQL wrote, of this start and of its newest log file."""
        logs = sorted((self.folder / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
        texts = [
            path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
            for path in (self.start_log, *logs[-1:])
            if path.exists()
        ]
        return "\n".join(line for text in texts for line in text)


def _initdb(runner: Runner, folder: Path, pwfile: Path) -> None:
    started = runner.start(
        "initdb",
        f"--pgdata={folder}",
        f"--username={OWNER}",
        f"--pwfile={pwfile}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
        output=subprocess.PIPE,
    )
    try:
        output, _ = started.communicate()
    except BaseException:
        started.kill()
        started.wait()
        raise
    if started.returncode:
        raise PostgresError(f"initdb failed in {folder}:\n{output.strip()}")


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as new:
        new.write(content)
        new.flush()
        os.fsync(new.fileno())
    Path(name).rename(path)


def _private_folder(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)


def _is_private(folder: Path, uid: int) -> bool:
    """Whether nobody but `uid` can have put anything into the folder."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    state = folder.lstat()
    return state.st_uid == uid and not state.st_mode & 0o077


def port_is_free(port: int) -> bool:
    """Whether PostgreSQL could listen on the loopback address's port; 0 is none."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return port != 0


def _free_port() -> int:
    for _ in range(100):
        if port_is_free(port := secrets.choice(_PORTS)):
            return port
    raise PostgresError(f"no free port between {_PORTS.start} and {_PORTS.stop}")
