"""The ceiling of an append: the same row, inserted by a prepared statement and nothing else, a commit each."""

import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from flowledger.postgres import bin_dir

TABLE = "bare_events"
_WARM_SECONDS = 0.5
#: The columns, types and indexes of `ledger.events`; positions from a sequence, gaps and all.
_TABLE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    position           bigserial   PRIMARY KEY,
    originator_id      uuid        NOT NULL,
    originator_version bigint      NOT NULL,
    topic              text        COLLATE "C" NOT NULL,
    state              bytea       NOT NULL,
    recorded_at        timestamptz NOT NULL,
    UNIQUE (originator_id, originator_version)
);
ALTER TABLE {TABLE} ALTER COLUMN state SET STORAGE EXTERNAL;
"""
_COLUMNS = "originator_id, originator_version, topic, state, recorded_at"
# Sent as a parameter each time; JSON has no backslash here, so that its text is its bytes.
_SCRIPT = f"INSERT INTO {TABLE} ({_COLUMNS}) VALUES (gen_random_uuid(), 1, :topic, :state::bytea, clock_timestamp());\n"
_INSERT = f"INSERT INTO {TABLE} ({_COLUMNS}) VALUES (%s, 1, %s, %s, clock_timestamp())"


def prepare(url: str) -> None:
    """Make the table."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TABLE)


def pgbench(url: str, clients: int, seconds: float, topic: str, state: str) -> dict[str, Any]:
    """Insert with PostgreSQL's own load generator; whole seconds."""
    warm, _ = _pgbench(url, clients, 1, topic, state)
    done, rate = _pgbench(url, clients, max(1, round(seconds)), topic, state)
    return {"rate": rate, "stored": warm + done}


def _pgbench(url: str, clients: int, seconds: int, topic: str, state: str) -> tuple[int, float]:
    assert "\\" not in state
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "insert.sql")
        script.write_text(_SCRIPT)
        given = ["-D", f"topic={topic}", "-D", f"state={state}"]
        how = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", str(script)]
        command = [str(bin_dir() / "pgbench"), *how, *given, url]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    done = re.search(r"number of transactions actually processed: (\d+)", told.stdout)
    rate = re.search(r"tps = ([\d.]+)", told.stdout)
    if told.returncode or done is None or rate is None:
        raise RuntimeError(f"pgbench failed:\n{told.stdout}\n{told.stderr}")
    return int(done[1]), float(rate[1])


def one_by_one(url: str, seconds: float, topic: str, state: str) -> dict[str, Any]:
    """Insert from one caller with psycopg, prepared, a commit each."""
    with psycopg.connect(url, autocommit=True) as connection:
        warm, _ = _insert(connection, _WARM_SECONDS, topic, state.encode())
        done, took = _insert(connection, seconds, topic, state.encode())
    return {"rate": done / took, "stored": warm + done}


def _insert(connection: psycopg.Connection[Any], seconds: float, topic: str, state: bytes) -> tuple[int, float]:
    done, begun = 0, time.perf_counter()
    while time.perf_counter() < begun + seconds:
        connection.execute(_INSERT, (uuid4(), topic, state), prepare=True)
        done += 1
    return done, time.perf_counter() - begun
