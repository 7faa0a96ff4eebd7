"""Restoring a backup as docs/howto/restore.md has it: a dump, or the folder of the embedded database."""

import json
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from flowledger.postgres.binaries import bin_dir
from tests.flowledger.test_cli import Up, flowledger
from tests.support.database import Database, Server
from tests.support.product import Product, running


def _programme(name: str, *arguments: str) -> None:
    done = subprocess.run([bin_dir() / name, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def _record(product: Product) -> None:
    given = {"title": "T", "description": "D", "category": "OTHER", "classification": "MINOR", "department": "Lab"}
    assert product.admin().post("/api/deviations/", json=given).status_code == 201


def _copy(folder: Path, to: Path) -> None:
    subprocess.run(["cp", "-a", folder, to], check=True)


@pytest.mark.long
@pytest.mark.clause("11.10(c)")
def test_a_restored_dump_is_found_acknowledged_and_goes_on(database: Database, server: Server, tmp_path: Path) -> None:
    """Step by step: dump, go on, lose the database, restore; nothing starts before it is acknowledged."""
    data, dump = tmp_path / "data", str(tmp_path / "ledger.dump")
    env = {"DATABASE_URL": database.app_dsn, "DATABASE_ADMIN_URL": database.owner_dsn}
    with running(data, database.app_dsn, database.owner_dsn) as product:
        _record(product)
        assert flowledger("audit", "checkpoint", data=data, **env).returncode == 0
        _programme("pg_dump", "--format=custom", f"--file={dump}", database.owner_dsn)
        before = json.loads(flowledger("audit", "verify", "--json", data=data, **env).stdout)
        _record(product)
    assert flowledger("audit", "verify", data=data, **env).returncode == 0
    with server.database(migrated=False) as other:
        _programme("pg_restore", f"--dbname={other.owner_dsn}", dump)
        env = {"DATABASE_URL": other.app_dsn, "DATABASE_ADMIN_URL": other.owner_dsn}
        found = flowledger("audit", "verify", "--json", data=data, **env)
        assert found.returncode == 1
        report = json.loads(found.stdout)
        unsigned = flowledger("audit", "checkpoint", data=data, **env)
        assert unsigned.returncode == 1
        assert "the tree is not signed: there are" in unsigned.stdout
        assert (report["position"], report["root"]) == (before["events"] + 1, before["root"])
        for command in (("serve", "--port", "0"), ("work",)):
            refused = flowledger(*command, data=data, **env)
            assert refused.returncode == 2
            assert "flowledger audit acknowledge" in refused.stderr
        unsure = flowledger("audit", "acknowledge", "--reason", "Disk lost", data=data, **env)
        assert unsure.returncode == 2
        assert "is lost" in unsure.stderr
        done = flowledger("audit", "acknowledge", "--reason", "Disk lost", "--yes", "--json", data=data, **env)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["kept"] == before["events"]
        verified = flowledger("audit", "verify", data=data, **env)
        assert verified.returncode == 0, verified.stdout
        assert "a backup was restored once, acknowledged" in verified.stdout
        again = flowledger("audit", "acknowledge", "--reason", "Disk lost", "--yes", data=data, **env)
        assert (again.returncode, "nothing to acknowledge" in again.stderr) == (1, True)
        with running(data, other.app_dsn, other.owner_dsn) as product:
            _record(product)
        assert flowledger("audit", "verify", data=data, **env).returncode == 0
        assert flowledger("audit", "replay", data=data, **env).returncode == 0


@pytest.mark.long
def test_the_folder_of_the_embedded_database_put_back_is_acknowledged_too(tmp_path: Path) -> None:
    """The whole folder but the keys and the checkpoints, copied while nothing ran."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    up = Up(data)
    up.process.stop()
    _copy(data / "postgres", copy)
    up = Up(data)
    assert up.sign_in("wrong").status_code == 401, "which is recorded"
    assert flowledger("audit", "checkpoint", data=data).returncode == 0
    up.process.stop()
    shutil.rmtree(data / "postgres")
    _copy(copy, data / "postgres")
    refused = flowledger("up", "--port", "0", data=data)
    assert (refused.returncode, "flowledger audit acknowledge" in refused.stderr) == (2, True), refused.stderr
    done = flowledger("audit", "acknowledge", "--reason", "Put back", "--yes", data=data)
    assert done.returncode == 0, done.stderr
    up = Up(data)
    assert httpx.get(f"{up.base}/readyz", trust_env=False).status_code == 200
    up.process.stop()
    assert flowledger("audit", "verify", data=data).returncode == 0
