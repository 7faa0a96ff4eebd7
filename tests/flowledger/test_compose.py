"""compose.yaml: each of our services, its command and environment as written, as a plain process on this machine."""

import os
import re
import secrets
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from flowledger.postgres import bin_dir
from tests.support.database import Database
from tests.support.product import ADMIN_PASSWORD, Process, free_port, until

ROOT = Path(__file__).parents[2]
_SECRETS = {
    "APP_PASSWORD": "app",
    "OWNER_PASSWORD": "owner",
    "BROKER_PASSWORD": "broker",
    "ADMIN_PASSWORD": ADMIN_PASSWORD,
}


def _rabbitmq() -> bool:
    try:
        with socket.create_connection(("127.0.0.1", 5672), timeout=1):
            return True
    except OSError:
        return False


@pytest.fixture
def services(database: Database, tmp_path: Path) -> dict[str, Any]:
    """The services of the file, with the addresses of this machine's servers in place of the containers' names."""
    if not _rabbitmq() and os.environ.get("FLOWLEDGER_REQUIRE_SERVICES") != "1":
        pytest.skip("no RabbitMQ listens on port 5672")
    text = re.sub(r"\$\{(\w+):\?\}", lambda found: _SECRETS[found[1]], (ROOT / "compose.yaml").read_text())
    text = text.replace("postgresql://flowledger_app:app@postgres:5432/flowledger", database.app_dsn)
    text = text.replace("postgresql://flowledger_owner:owner@postgres:5432/flowledger", database.owner_dsn)
    text = text.replace("amqp://flowledger:broker@rabbitmq:5672", "amqp://guest:guest@127.0.0.1:5672")
    text = text.replace("0.0.0.0", "127.0.0.1").replace('"8000"', f'"{free_port()}"').replace("/data", str(tmp_path))
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


def _start(service: dict[str, Any], data: Path) -> Process:
    program, *command = service["command"]
    assert program == "flowledger"
    return Process(*command, data=data, env=service["environment"])


@pytest.mark.long
def test_the_services_of_the_compose_file_serve_and_deliver(services: dict[str, Any], tmp_path: Path) -> None:
    migrated = _start(services["migrate"], tmp_path)
    assert migrated.popen.wait(30) == 0, migrated.tell()
    port = services["api"]["command"][services["api"]["command"].index("--port") + 1]
    processes = [_start(services["api"], tmp_path), _start(services["worker"], tmp_path)]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            until(lambda: client.get("/readyz").status_code == 200, 30, "ready")
            signed_in = client.post("/api/auth/token/", json={"username": "admin", "password": ADMIN_PASSWORD})
            assert signed_in.status_code == 200
    finally:
        codes = [process.stop() for process in processes]
    assert codes == [0, 0]


def test_the_role_script_gives_the_application_the_right_to_connect_and_nobody_else_one(
    empty_database: Database,
) -> None:
    role = f"role_{secrets.token_hex(4)}"
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    script = compose["configs"]["roles"]["content"].replace("$$", "$").replace("flowledger_app", role)
    owner = conninfo_to_dict(empty_database.owner_dsn)
    env = {
        "PATH": f"{bin_dir()}:{os.environ['PATH']}",
        "POSTGRES_USER": str(owner["user"]),
        "POSTGRES_DB": str(owner["dbname"]),
        "APP_PASSWORD": "it's",
        "PGHOST": str(owner["host"]),
        "PGPORT": str(owner["port"]),
        "PGPASSWORD": str(owner["password"]),
    }
    try:
        subprocess.run(["bash", "-c", script], env=env, check=True)
        ours = make_conninfo(empty_database.owner_dsn, user=role, password="it's")
        with psycopg.connect(ours, autocommit=True) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TEMPORARY TABLE another ()")
            row = connection.execute(
                "SELECT has_database_privilege('public', current_database(), 'CONNECT, TEMPORARY')"
            ).fetchone()
        assert row == (False,)
    finally:
        with psycopg.connect(empty_database.owner_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))


def test_every_image_that_is_not_ours_is_a_server_that_the_settings_name() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert {name for name, service in services.items() if "image" in service} == {"postgres", "rabbitmq"}
    assert {name for name, service in services.items() if "build" in service} == {"migrate", "api", "worker"}
