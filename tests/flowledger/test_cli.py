"""The command line: one product, driven as an operator does."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import psutil
import psycopg
import pytest

from domain.errors import Conflict, Unavailable
from flowledger import cli, demo
from flowledger.administrator import ensure_administrator
from flowledger.settings import Settings
from ledger.keys import KeyMissing, Keys
from projections.folding import FoldFailed
from tests.support.database import Database
from tests.support.product import ADMIN_PASSWORD, Process, free_port, until


def flowledger(*command: str, data: Path, given: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWLEDGER_", "DATABASE_"))}
    return subprocess.run(
        [sys.executable, "-m", "flowledger", *command, "--data", str(data)],
        input=given,
        env={**kept, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Up:
    """A running `flowledger up`."""

    def __init__(self, data: Path, **env: str) -> None:
        self.data, self.port = data, free_port()
        self.process = Process("up", "--port", str(self.port), data=data, env=env)
        self.base = f"http://127.0.0.1:{self.port}"
        self.ready()

    def ready(self) -> None:
        until(lambda: httpx.get(f"{self.base}/readyz", trust_env=False).status_code == 200, 60, "ready")

    def sign_in(self, password: str, username: str = "admin") -> httpx.Response:
        given = {"username": username, "password": password}
        return httpx.post(f"{self.base}/api/auth/token/", json=given, trust_env=False)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A product with the demonstration data in it, whose administrator's password was made up."""
    running = Up(tmp_path_factory.mktemp("up") / "var", FLOWLEDGER_ADMIN_PASSWORD="")
    try:
        loaded = flowledger("demo", "--deviations", "12", data=running.data)
        assert loaded.returncode == 0, loaded.stderr
        yield running
    finally:
        running.process.stop()


def test_the_administrators_made_up_password_is_told_once_and_signs_in(up: Up) -> None:
    told = re.findall(r"The administrator is admin, password (\S+)", up.process.tell())
    assert len(told) == 1
    assert up.sign_in(told[0]).status_code == 200


def test_the_address_is_told(up: Up) -> None:
    assert f"Flowledger listens on {up.base}/" in up.process.tell()


def test_a_forgotten_password_can_be_set_anew(up: Up) -> None:
    done = flowledger("user", "reset-password", "director", "--password-stdin", data=up.data, given="new-password\n")
    assert done.returncode == 0, done.stderr
    assert up.sign_in("new-password", "director").status_code == 200
    assert "new-password" not in done.stdout + done.stderr


def test_a_password_of_nobody_can_not_be_asked_for(up: Up) -> None:
    done = flowledger("user", "reset-password", "nobody-of-this-name", data=up.data)
    assert (done.returncode, done.stderr.count("There is no user")) == (2, 1)


@pytest.mark.long
def test_the_demonstration_is_loaded_once_only(up: Up) -> None:
    again = flowledger("demo", "--deviations", "12", data=up.data)
    assert again.returncode == 2
    assert "there already" in again.stderr


@pytest.mark.long
def test_of_a_demonstration_that_is_not_whole_the_rest_is_loaded(up: Up) -> None:
    rest = flowledger("demo", "--deviations", "14", data=up.data)
    assert "loaded 2 deviations of 10 users" in rest.stdout, rest.stderr
    password = re.findall(r"the password (\S+)", rest.stdout)[0]
    assert up.sign_in(password, "auditor").status_code == 200


def test_the_connection_strings_are_of_the_application_and_the_owner(up: Up) -> None:
    url = flowledger("db", "url", data=up.data).stdout.strip()
    admin_url = flowledger("db", "url", "--admin", data=up.data).stdout.strip()
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM ledger.events")
    with psycopg.connect(admin_url) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM ledger.events").fetchone() == (True,)


def test_verify_says_that_the_history_is_whole_and_how_much_it_checked(up: Up) -> None:
    assert flowledger("audit", "checkpoint", data=up.data).returncode == 0
    done = flowledger("audit", "verify", "--json", data=up.data)
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["uncovered"]) == (0, True, 0)
    assert report["events"] > 20


@pytest.mark.long
def test_files_are_compared_with_what_was_recorded_of_them(up: Up) -> None:
    done = flowledger("audit", "files", "--json", data=up.data)
    assert (done.returncode, json.loads(done.stdout)["found"]) == (0, 0), done.stderr
    away = {"FLOWLEDGER_FILES_URL": "az://bucket"}
    assert flowledger("audit", "files", data=up.data, **away).returncode == 2


@pytest.mark.long
def test_replay_agrees_with_the_read_models_and_tells_stories(up: Up) -> None:
    assert flowledger("audit", "replay", data=up.data).returncode == 0
    year = time.gmtime().tm_year
    story = flowledger("audit", "replay", f"DEV-{year}-0001", data=up.data)
    assert "deviation.created" in story.stdout.splitlines()[0]
    same = flowledger("audit", "replay", "deviation/1", data=up.data)
    assert same.stdout == story.stdout
    first = flowledger("audit", "replay", "deviation/1", "--at", "1", "--json", data=up.data)
    assert json.loads(first.stdout)["status"] == "OPEN"


def test_a_stream_that_is_not_there_can_not_be_asked_for(up: Up) -> None:
    assert flowledger("audit", "replay", "DEV-1999-0001", data=up.data).returncode == 2


@pytest.mark.long
def test_read_models_are_rebuilt_while_the_product_runs(up: Up) -> None:
    done = flowledger("projections", "rebuild", data=up.data)
    assert done.returncode == 0, done.stderr
    status = json.loads(flowledger("projections", "status", "--json", data=up.data).stdout)
    assert {one["name"] for one in status} >= {"deviations", "users", "webhooks", "webhooks.dispatch"}
    assert flowledger("audit", "replay", data=up.data).returncode == 0


def test_a_second_product_on_the_same_folder_is_refused(up: Up) -> None:
    second = flowledger("up", "--port", "0", data=up.data)
    assert second.returncode == 2
    assert str(up.process.popen.pid) in second.stderr


@pytest.mark.parametrize(
    "command",
    [("nonsense",), ("audit", "verify", "--colour"), ("serve", "--port", "x"), ("up", "--api-workers", "0")],
)
def test_bad_usage_exits_with_2(command: tuple[str, ...], tmp_path: Path) -> None:
    assert flowledger(*command, data=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FoldFailed(7, ValueError("odd")), 1),
        (KeyMissing("names.key is gone"), 2),
        (msgspec.DecodeError("JSON is malformed"), 2),
        (msgspec.ValidationError("Expected `int`"), 2),
        (Unavailable("The demonstration was not loaded"), 2),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fails)
    assert cli.main([]) == code
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith("flowledger: ")
    assert str(error) in told.err


@pytest.mark.anyio
async def test_a_demonstration_that_the_api_refuses_is_told_in_a_sentence(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.read({}, tmp_path)
    await ensure_administrator(database.app_dsn, Keys(settings.keys), None)
    monkeypatch.setattr(demo, "_PEOPLE", (("a", "", "", ("no_such_role",), ""),))
    with pytest.raises(Unavailable, match="not loaded to its end: POST /api/users/ was answered with 400"):
        await demo.load(settings, database.app_dsn, 0, lambda *_: None)


@pytest.mark.anyio
async def test_a_demonstration_takes_no_account_that_it_did_not_make(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.read({}, tmp_path)
    await ensure_administrator(database.app_dsn, Keys(settings.keys), None)
    monkeypatch.setattr(demo, "_PEOPLE", (("new", "", "", ("user",), ""), ("admin", "", "", ("user",), "")))
    with psycopg.connect(database.app_dsn, autocommit=True) as connection:
        before = connection.execute("SELECT size FROM ledger.head").fetchone()
        with pytest.raises(Conflict, match="no demonstration made: admin"):
            await demo.load(settings, database.app_dsn, 0, lambda *_: None)
        assert connection.execute("SELECT size FROM ledger.head").fetchone() == before


@pytest.mark.long
def test_api_processes_share_the_connections_and_a_restarted_one_finds_its_socket(
    database: Database, tmp_path: Path
) -> None:
    env = {"DATABASE_URL": database.app_dsn, "DATABASE_ADMIN_URL": database.owner_dsn}
    migrated = Process("migrate", data=tmp_path, env=env)
    assert migrated.popen.wait(30) == 0, migrated.tell()
    port = free_port()
    served = Process("serve", "--port", str(port), "--api-workers", "2", data=tmp_path, env=env)
    clients: list[socket.socket] = []
    try:
        until(lambda: served.tell().count("Application startup complete") == 2, 30, "both up")
        parent = psutil.Process(served.popen.pid)
        first, _ = parent.children()
        assert all(_share(clients, one.pid, port) for one in parent.children())
        first.kill()
        until(lambda: served.tell().count("Application startup complete") == 3, 30, "both up again")
        assert all(_share(clients, one.pid, port) for one in parent.children())
    finally:
        for client in clients:
            client.close()
        assert served.stop() == 0


def _share(clients: list[socket.socket], pid: int, port: int) -> bool:
    """Whether new connections reach a process, within 200 of them."""

    def held() -> int:
        found = psutil.Process(pid).net_connections("tcp")
        return sum(1 for it in found if it.status == psutil.CONN_ESTABLISHED and it.laddr.port == port)

    before = held()
    for _ in range(10):
        clients += [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        time.sleep(0.1)
        if held() > before:
            return True
    return False


def test_every_faulty_setting_is_named(tmp_path: Path) -> None:
    done = flowledger("migrate", data=tmp_path, FLOWLEDGER_DEV="perhaps", FLOWLEDGER_PORT="1")
    assert done.returncode == 2
    assert "FLOWLEDGER_DEV" in done.stderr
    assert "FLOWLEDGER_PORT" in done.stderr


@pytest.mark.parametrize("command", [("audit", "verify"), ("projections", "status"), ("user", "reset-password", "x")])
def test_a_folder_without_a_database_is_told_and_left_as_it_is(command: tuple[str, ...], tmp_path: Path) -> None:
    done = flowledger(*command, data=tmp_path / "nowhere")
    assert (done.returncode, "holds no PostgreSQL yet" in done.stderr) == (2, True)
    assert not (tmp_path / "nowhere" / "postgres").exists()


def test_a_time_without_a_stream_is_bad_usage(tmp_path: Path) -> None:
    assert flowledger("audit", "replay", "--at", "3", data=tmp_path).returncode == 2


def test_a_password_that_the_rules_refuse_is_told_with_the_rule(up: Up) -> None:
    done = flowledger("user", "reset-password", "director", "--password-stdin", data=up.data, given="short\n")
    assert (done.returncode, "At least 8 characters" in done.stderr) == (2, True)


def test_a_database_that_is_away_can_not_be_asked(tmp_path: Path) -> None:
    url = f"postgresql://app:secret-of-mine@127.0.0.1:{free_port()}/none"
    done = flowledger("audit", "verify", data=tmp_path, DATABASE_URL=url)
    assert done.returncode == 2
    assert "secret-of-mine" not in done.stderr


@pytest.mark.long
def test_a_term_drains_and_stops_within_ten_seconds_and_a_kill_leaves_a_product_that_starts(tmp_path: Path) -> None:
    data = tmp_path / "var"
    first = Up(data)
    processes = psutil.Process(first.process.popen.pid).children(recursive=True)
    names = {process.pid: process.name() for process in processes}
    first.process.popen.kill()
    first.process.popen.wait(5)
    gone = [process for process in processes if "postgres" not in names[process.pid]]
    psutil.wait_procs(gone, 5)
    second = Up(data)
    assert second.sign_in(ADMIN_PASSWORD).status_code == 200
    begun = time.monotonic()
    assert second.process.stop() == 0
    assert time.monotonic() - begun < 10
    left = [it.pid for it in psutil.process_iter(["cmdline"]) if str(data) in " ".join(it.info["cmdline"] or ())]
    assert left == []
