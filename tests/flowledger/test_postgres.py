"""The embedded PostgreSQL: made, started, shared, killed and stopped, with real processes."""

import functools
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from flowledger.postgres import (
    DataInUseError,
    DataLock,
    Embedded,
    PostgresError,
    bin_dir,
    binaries,
    remains,
)

_HANDED_ON = (b"PATH", b"HOME", b"LANG", b"TZ", b"LD_LIBRARY_PATH")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose cluster is made, once for all tests here; no server runs."""
    folder = tmp_path_factory.mktemp("data")
    with Embedded(folder).ensure():
        return folder


@pytest.fixture
def server(data: Path) -> Iterator[Embedded]:
    embedded = Embedded(data)
    embedded.start()
    yield embedded
    embedded.stop()


def answer(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def alive(data: Path) -> list[int]:
    return remains.processes(data / "postgres")


def postmaster(data: Path) -> int:
    pid = remains.postmaster(data / "postgres")
    assert pid is not None
    return pid


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_all_four_urls_reach_the_database_as_their_role(server: Embedded) -> None:
    urls = server.urls()
    query = "SELECT current_user || '@' || current_database()"
    assert answer(urls.application, query) == "flowledger_app@flowledger"
    assert answer(urls.local_application, query) == "flowledger_app@flowledger"
    assert answer(urls.admin, query) == "flowledger_owner@flowledger"
    assert answer(urls.local_admin, query) == "flowledger_owner@flowledger"
    assert (server.url, server.admin_url) == (urls.application, urls.admin)


def test_it_is_version_18_and_loses_no_commit(server: Embedded) -> None:
    assert str(answer(server.url, "SHOW server_version")).startswith("18.")
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert answer(server.url, f"SHOW {setting}") == "on"


def test_text_is_utf8_and_ordered_by_code_point(server: Embedded) -> None:
    assert answer(server.url, "SHOW server_encoding") == "UTF8"
    query = "SELECT datlocale FROM pg_database WHERE datname = current_database()"
    assert answer(server.url, query) == "C.UTF-8"
    assert answer(server.url, "SELECT upper('é') || ('Z' < 'a')::text") == "Étrue"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE DATABASE another",
        "CREATE ROLE another",
        "CREATE SCHEMA another",
        "CREATE TABLE public.another ()",
        "ALTER SYSTEM SET jit = on",
    ],
)
def test_the_applications_role_can_make_nothing(server: Embedded, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(server.url, statement)


def test_the_applications_role_sees_no_other_database(server: Embedded) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        answer(server.url.removesuffix("flowledger") + "postgres", "SELECT 1")


def test_a_wrong_password_is_refused_on_every_way_in(server: Embedded) -> None:
    urls = server.urls()
    for url in urls:
        password = url.split(":")[2].split("@")[0]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            answer(url.replace(password, "guess"), "SELECT 1")


def test_nobody_else_can_read_its_files_or_its_socket(server: Embedded, data: Path) -> None:
    assert server.is_running()
    assert mode(data / "postgres") == 0o700
    assert mode(data / "keys") == 0o700
    assert mode(data / "keys" / "postgres.json") == 0o600
    (sockets,) = {Path(path).parent for path in _listening_sockets() if str(data) in path}
    assert mode(sockets) == 0o700


def _listening_sockets() -> list[str]:
    lines = Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()
    return [line.split()[-1] for line in lines if ".s.PGSQL." in line]


def test_the_folders_above_keep_their_modes(server: Embedded, data: Path) -> None:
    assert server.is_running()
    assert mode(data.parent) == 0o700


def test_another_process_finds_the_urls_of_a_running_server(server: Embedded, data: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from flowledger.postgres import Embedded;"
        "e = Embedded(Path(sys.argv[1])); print(e.is_running(), *e.urls())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(data)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", *server.urls()]


def test_a_guest_leaves_a_server_running_that_others_use(server: Embedded, data: Path) -> None:
    before = postmaster(data)
    with Embedded(data).ensure() as urls:
        assert answer(urls.application, "SELECT 1") == 1
    with server.ensure():
        pass
    assert postmaster(data) == before
    assert answer(server.url, "SELECT 1") == 1


def test_whoever_is_last_ends_it(data: Path) -> None:
    first, second = Embedded(data), Embedded(data)
    first.start()
    second.start()
    first.stop()
    assert second.is_running()
    second.stop()
    assert not second.is_running()
    assert alive(data) == []


def test_ensure_starts_it_for_a_while_when_nothing_runs(data: Path) -> None:
    with Embedded(data).ensure() as urls:
        assert answer(urls.admin, "SELECT 1") == 1
    assert alive(data) == []


def test_it_keeps_its_port_and_its_data_over_a_restart(data: Path) -> None:
    with Embedded(data).ensure() as urls:
        execute(urls.admin, "CREATE TABLE kept AS SELECT 7 AS number")
    with Embedded(data).ensure() as again:
        assert again == urls
        assert answer(again.admin, "SELECT number FROM kept") == 7


def test_it_takes_another_port_when_its_own_is_taken(data: Path) -> None:
    with Embedded(data).ensure() as urls:
        port = int(urls.application.split(":")[-1].split("/")[0])
    with socket.create_server(("127.0.0.1", port)), Embedded(data).ensure() as moved:
        assert moved.application != urls.application
        assert answer(moved.application, "SELECT 1") == 1


def test_after_the_death_of_its_server_process_it_starts_again(server: Embedded, data: Path) -> None:
    url, before = server.url, postmaster(data)
    os.kill(before, signal.SIGKILL)
    assert remains.until(lambda: not server.is_running(), 5)
    server.start()
    assert postmaster(data) != before
    assert server.url == url
    assert answer(url, "SELECT 1") == 1


def test_orphans_that_are_at_work_are_ended_before_the_next_start(server: Embedded, data: Path) -> None:
    with psycopg.connect(server.url, autocommit=True) as busy:
        orphan = busy.info.backend_pid
        # Stopped, it can't notice that its server dies.
        os.kill(orphan, signal.SIGSTOP)
        os.kill(postmaster(data), signal.SIGKILL)
        assert remains.until(lambda: not server.is_running(), 5)
        server.start()
        assert orphan not in alive(data)
    assert answer(server.url, "SELECT 1") == 1


def test_a_stale_lock_file_that_names_a_living_stranger_is_no_hindrance(data: Path) -> None:
    lock = data / "postgres" / "postmaster.pid"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        lock.write_text(f"{stranger.pid}\n{data / 'postgres'}\n1\n5432\n", encoding="ascii")
        assert not Embedded(data).is_running()
        with Embedded(data).ensure() as urls:
            assert answer(urls.application, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_a_server_whose_user_was_killed_is_taken_over(data: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from flowledger.postgres import Embedded;"
        "Embedded(Path(sys.argv[1])).start(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    died = subprocess.run([sys.executable, "-c", code, str(data)], check=False)
    assert died.returncode == -signal.SIGKILL
    before = postmaster(data)
    embedded = Embedded(data)
    embedded.start()
    assert postmaster(data) == before
    embedded.stop()
    assert alive(data) == []


def test_an_open_session_does_not_delay_the_stop(data: Path) -> None:
    embedded = Embedded(data)
    embedded.start()
    with psycopg.connect(embedded.url, autocommit=True) as session:
        session.execute("SELECT 1")
        embedded.stop(timeout=5)
        assert alive(data) == []


def test_a_server_that_hangs_is_ended_the_hard_way(data: Path) -> None:
    embedded = Embedded(data)
    embedded.start()
    with psycopg.connect(embedded.url) as session:
        os.kill(session.info.backend_pid, signal.SIGSTOP)
        embedded.stop(timeout=0.2)
    assert alive(data) == []
    with embedded.ensure() as urls:
        assert answer(urls.application, "SELECT 1") == 1


@pytest.mark.long
def test_many_can_make_and_use_it_at_the_same_time(tmp_path: Path) -> None:
    code = (
        "import sys, psycopg; from pathlib import Path; from flowledger.postgres import Embedded\n"
        "with Embedded(Path(sys.argv[1])).ensure() as urls:\n"
        "    psycopg.connect(urls.application).close()"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
    guests = [subprocess.Popen(command) for _ in range(4)]
    assert [guest.wait() for guest in guests] == [0, 0, 0, 0]
    assert alive(tmp_path) == []


def test_a_long_or_odd_path_gets_its_socket_elsewhere_and_leaves_nothing(tmp_path: Path) -> None:
    with Embedded(tmp_path / "it's, long" / ("x" * 100)).ensure() as urls:
        assert answer(urls.local_application, "SELECT 1") == 1
        _, _, rest = urls.local_application.partition("host=")
        sockets = Path(rest.partition("&")[0].replace("%2F", "/"))
        assert mode(sockets) == 0o700
    assert not sockets.exists()


def test_a_start_that_fails_leaves_no_process_and_shows_the_log(data: Path) -> None:
    setting = data / "postgres" / "postgresql.auto.conf"
    before = setting.read_text(encoding="utf-8")
    setting.write_text("shared_buffers = 'plenty'\n", encoding="utf-8")
    try:
        with pytest.raises(PostgresError, match="invalid value for parameter") as caught:
            Embedded(data).start()
    finally:
        setting.write_text(before, encoding="utf-8")
    assert str(data) in str(caught.value)
    assert alive(data) == []


def test_a_folder_that_cannot_be_written_is_named() -> None:
    with pytest.raises(PostgresError, match="/proc/nowhere"):
        Embedded(Path("/proc/nowhere")).start()


def test_without_its_passwords_a_cluster_is_not_touched(data: Path) -> None:
    passwords = data / "keys" / "postgres.json"
    aside = passwords.rename(data / "aside.json")
    try:
        with pytest.raises(PostgresError, match="is lost"):
            Embedded(data).start()
    finally:
        aside.rename(passwords)


def test_a_folder_without_a_server_has_no_urls(tmp_path: Path) -> None:
    assert not Embedded(tmp_path).is_running()
    with pytest.raises(PostgresError, match="holds no PostgreSQL"):
        Embedded(tmp_path).urls()
    Embedded(tmp_path).stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a service user")
@pytest.mark.parametrize("copied", [False, True], ids=["in place", "copied"])
def test_without_user_namespaces_root_starts_it_as_a_service_user(
    copied: bool, data: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Then back again in a namespace: the files follow their owner."""
    for folder in (data, *data.parents):
        if not mode(folder) & 0o001:
            request.addfinalizer(functools.partial(folder.chmod, mode(folder)))
            folder.chmod(0o711)
    monkeypatch.setattr(binaries, "_namespace_works", lambda *_: False)
    if copied:
        monkeypatch.setattr(binaries, "_succeeds", lambda command, *_: command[0] == "test")
    with Embedded(data).ensure() as urls:
        assert answer(urls.local_application, "SELECT 1") == 1
        assert Path(f"/proc/{postmaster(data)}").stat().st_uid != 0
        program = Path(f"/proc/{postmaster(data)}/exe").readlink()
        assert program.is_relative_to(data) == copied
    monkeypatch.undo()
    with Embedded(data).ensure() as urls:
        assert answer(urls.local_application, "SELECT 1") == 1


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user may pass through, as no temporary folder of pytest's is."""
    with tempfile.TemporaryDirectory(prefix="flowledger-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_without_user_namespaces_a_fresh_start_as_root_makes_a_folder_that_a_service_user_can_pass(
    reachable: Path,
) -> None:
    data = reachable / "var"
    code = (
        "import sys; from flowledger.postgres import binaries; binaries._namespace_works = lambda *_: False;"
        "from flowledger.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "up", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as product:
        assert product.stdout is not None
        try:
            assert "Flowledger listens" in product.stdout.readline()
            assert Path(f"/proc/{postmaster(data)}").stat().st_uid != 0
            assert mode(data) == 0o711
            public = [path.name for path in data.iterdir() if path.is_dir() and mode(path) & 0o044]
            assert public in ([], ["run"])
        finally:
            product.terminate()
    assert product.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_a_folder_keeps_its_mode_where_no_service_user_could_pass_anyway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_namespace_works", lambda *_: False)
    monkeypatch.setattr(binaries, "_succeeds", lambda *_: False)
    (tmp_path / "var").mkdir(mode=0o700)
    with pytest.raises(PostgresError, match="run as an ordinary user"):
        Embedded(tmp_path / "var").start()
    assert mode(tmp_path / "var") == 0o700


def test_no_secret_of_our_environment_is_handed_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLOWLEDGER_ADMIN_PASSWORD", "DATABASE_ADMIN_URL", "PGDATA", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hunter22")
    monkeypatch.setenv("LC_MESSAGES", "C")
    with Embedded(data).ensure():
        given = Path(f"/proc/{postmaster(data)}/environ").read_bytes()
    names = {pair.split(b"=")[0] for pair in given.split(b"\0") if pair}
    assert b"hunter22" not in given
    assert b"LC_MESSAGES" in names
    # What PostgreSQL adds itself: PG_OOM_ADJUST_FILE and the like are not ours to list.
    assert {name for name in names if not name.startswith((b"LC_", b"PG"))} <= set(_HANDED_ON)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_root_is_told_when_nobody_can_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_namespace_works", lambda *_: False)
    monkeypatch.setattr(binaries, "_succeeds", lambda *_: False)
    with pytest.raises(PostgresError, match="run as an ordinary user"):
        Embedded(tmp_path).start()


@pytest.mark.parametrize("program", ["pg_dump", "psql", "pgbench", "postgres"])
def test_its_programs_can_be_run_from_their_folder(program: str) -> None:
    command = [str(bin_dir() / program), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert " 18." in done.stdout


def test_a_data_folder_is_locked_by_one_and_free_when_he_dies(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from flowledger.postgres import DataLock\n"
        "with DataLock(Path(sys.argv[1])):\n    print('locked', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(DataInUseError, match=f"process {holder.pid}"), DataLock(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with DataLock(tmp_path):
            pass
