"""The administrator: made where there is none, and the password told, whatever happens on the way."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest

from api.auth import Passwords, password_hash_of, user_id_of
from domain.errors import InvalidInput
from domain.events import Recorded
from domain.platform.users import UserPasswordChanged
from flowledger.administrator import ensure_administrator, reset_password, reset_totp
from flowledger.untold import Untold
from ledger.append import Append, Plan, Proposed
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import KeyMissing, Keys
from ledger.read import read_after
from ledger.vault import Vault
from ledger.writer import Writer
from tests.support.database import Database

_TOLD = r"The administrator is admin, password (\S+)"
# Runs a command that is killed at the first call of a name.
_KILLED = """
import os, signal, sys
from flowledger import administrator
from flowledger.cli import main, run

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

{where} = killed
sys.exit(main(sys.argv[1:]))
"""


def flowledger(*command: str, code: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWLEDGER_", "DATABASE_"))}
    how = ["-m", "flowledger"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *how, *command],
        env={**kept, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def env(database: Database, tmp_path: Path) -> dict[str, str]:
    """The environment of commands on a database of this test's own."""
    return {
        "DATABASE_URL": database.app_dsn,
        "DATABASE_ADMIN_URL": database.owner_dsn,
        "FLOWLEDGER_DATA": str(tmp_path / "var"),
    }


async def is_password(database: Database, keys: Keys, password: str) -> bool:
    connection = await connect(database.app_dsn, "test")
    try:
        user = await user_id_of(connection, keys, "admin")
        assert user is not None
        return await Passwords().matches(password, await password_hash_of(connection, user))
    finally:
        await connection.close()


async def recorded(database: Database, keys: Keys) -> list[Recorded]:
    connection = await connect(database.app_dsn, "test")
    try:
        return Codec(Vault(keys)).recorded(await read_after(connection, 0, 100))
    finally:
        await connection.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "where", ["run._tell", "administrator.Writer.append"], ids=["after the commit", "before the commit"]
)
@pytest.mark.long
async def test_a_password_that_a_killed_start_made_up_is_told_by_the_next_once(
    where: str, env: dict[str, str], database: Database, tmp_path: Path
) -> None:
    killed = flowledger("migrate", code=_KILLED.format(where=where), **env)
    assert killed.returncode == -signal.SIGKILL
    assert "administrator" not in killed.stdout
    keys = tmp_path / "var" / "keys"
    (kept,) = keys.glob("*.password")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    told = re.findall(_TOLD, flowledger("migrate", **env).stdout)
    assert len(told) == 1
    assert await is_password(database, Keys(keys), told[0])
    assert "administrator" not in flowledger("migrate", **env).stdout
    assert not [path for path in keys.iterdir() if "password" in path.name]


def test_a_start_whose_port_is_taken_makes_no_administrator(env: dict[str, str], database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = flowledger("up", "--port", port, "--api-workers", "2", **env)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    with psycopg.connect(database.owner_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM ledger.events").fetchone() == (0,)


@pytest.mark.anyio
async def test_a_password_that_was_changed_before_it_was_told_is_not_told(database: Database, tmp_path: Path) -> None:
    keys, untold = Keys(tmp_path), Untold(tmp_path)
    made = await ensure_administrator(database.app_dsn, keys, None, untold)
    assert made is not None
    assert untold.read() == made.password
    await reset_password(database.app_dsn, keys, "admin", "another-password")
    assert await ensure_administrator(database.app_dsn, keys, None, untold) is None
    assert untold.read() is None


@pytest.mark.anyio
async def test_a_given_password_is_kept_nowhere(database: Database, tmp_path: Path) -> None:
    keys, untold = Keys(tmp_path), Untold(tmp_path)
    untold.make()
    made = await ensure_administrator(database.app_dsn, keys, "a-given-password", untold)
    assert made == ("admin", "a-given-password", False)
    assert untold.read() is None


@pytest.mark.anyio
async def test_a_ledger_with_events_but_no_users_gets_its_administrator(database: Database, tmp_path: Path) -> None:
    writer = Writer(lambda: connect(database.app_dsn, "test"))
    try:
        await writer.append(Append(lambda _: Plan([Proposed(uuid.uuid4(), 1, "library.event", b"{}")], [])))
    finally:
        await writer.close()
    assert await ensure_administrator(database.app_dsn, Keys(tmp_path), None) is not None


@pytest.mark.anyio
async def test_with_other_keys_than_the_users_were_made_with_no_second_administrator_is_made(
    database: Database, tmp_path: Path
) -> None:
    await ensure_administrator(database.app_dsn, Keys(tmp_path / "these"), None)
    with pytest.raises(KeyMissing, match="folder of keys"):
        await ensure_administrator(database.app_dsn, Keys(tmp_path / "others"), None)


@pytest.mark.anyio
async def test_a_reset_password_is_a_fact_as_the_workflow_decides_it(database: Database, tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    await ensure_administrator(database.app_dsn, keys, None)
    await reset_password(database.app_dsn, keys, "admin", "another-password")
    assert await is_password(database, keys, "another-password")
    fact = (await recorded(database, keys))[-1]
    assert fact.version == 2
    assert fact.event == UserPasswordChanged(
        from_state="active", to_state="active", comment="reset at the command line"
    )


@pytest.mark.anyio
async def test_codes_are_not_removed_without_a_reason(database: Database, tmp_path: Path) -> None:
    """Nobody's reason is made up for him: the step asks for one, and the command line does too."""
    keys = Keys(tmp_path)
    await ensure_administrator(database.app_dsn, keys, None)
    with pytest.raises(InvalidInput) as refused:
        await reset_totp(database.app_dsn, keys, "admin", " ")
    assert [fault.field for fault in refused.value.faults] == ["reason"]
    assert len(await recorded(database, keys)) == 1
    asked = flowledger("user", "reset-totp", "admin", DATABASE_URL=database.app_dsn, FLOWLEDGER_DATA=str(tmp_path))
    assert (asked.returncode, "--reason" in asked.stdout + asked.stderr) == (2, True)
