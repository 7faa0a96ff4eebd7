"""Proofs at the command line, from the operator's terminal to the inspector's."""

import json
from pathlib import Path

import psycopg
import pytest

from audit import verifier
from audit.verifier import Bundle, Consistency, check, read_key
from flowledger import cli
from tests.flowledger.test_cli import flowledger
from tests.support.database import Database
from tests.support.ledgers import fill
from tests.support.proofs import verify


class Operator:
    """Who has a ledger of nine events on nine streams, and a terminal."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.data = folder / "var"
        self.data.mkdir()
        self.env = {"DATABASE_URL": database.app_dsn}
        self.owner = database.owner_dsn
        fill(database.app_dsn, 4, 5)
        with psycopg.connect(database.app_dsn) as connection:
            found = connection.execute("SELECT originator_id FROM ledger.events ORDER BY position").fetchall()
        self.streams = [str(stream) for (stream,) in found]

    def ask(self, *command: str) -> tuple[int, str, str]:
        """Return the exit code of `flowledger audit …`, and what it wrote."""
        done = flowledger("audit", *command, data=self.data, **self.env)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def operator(database: Database, tmp_path: Path) -> Operator:
    return Operator(database, tmp_path)


def test_prove_writes_what_an_inspector_verifies(operator: Operator, tmp_path: Path) -> None:
    """To a file or to stdout the same bytes, nothing around them; the ledger is signed for it."""
    code, said, _ = operator.ask("prove", operator.streams[4], "--out", str(tmp_path / "proof.json"))
    proof = (tmp_path / "proof.json").read_bytes()
    assert (code, said) == (0, f"wrote {len(proof):,} bytes to {tmp_path / 'proof.json'}\n")
    assert operator.ask("prove", operator.streams[4])[:2] == (0, proof.decode())
    public = operator.data / "keys" / "checkpoint.pub"
    found = check(proof, [read_key(str(public))])
    assert isinstance(found, Bundle)
    assert (found.head.size, [one.position for one in found.events]) == (9, [5])
    assert verify(tmp_path / "inspector", proof, "--key", str(public)).returncode == 0


@pytest.mark.long
def test_consistency_is_between_checkpoints(operator: Operator, tmp_path: Path) -> None:
    """By size; without sizes between the oldest and the newest. Where there is none yet, exit 2 says so."""
    assert operator.ask("consistency") == (2, "", "flowledger: There is no checkpoint yet.\n")
    for _ in range(3):
        assert operator.ask("checkpoint")[0] == 0
        fill(operator.env["DATABASE_URL"], 4)
    code, proof, _ = operator.ask("consistency")
    found = check(proof.encode())
    assert isinstance(found, Consistency)
    assert (code, found.first.size, found.second.size) == (0, 9, 17)
    between = check(operator.ask("consistency", "9", "13")[1].encode())
    assert isinstance(between, Consistency)
    assert (between.first.size, between.second.size) == (9, 13)
    code, said, _ = operator.ask("consistency", "13", "--out", str(tmp_path / "since.json"), "--json")
    assert (code, json.loads(said)["file"]) == (0, str(tmp_path / "since.json"))
    assert operator.ask("consistency", "10")[0] == operator.ask("consistency", "13", "9")[0] == 2


@pytest.mark.long
def test_what_was_altered_is_not_proved(operator: Operator) -> None:
    """Exit 1: the ledger was found wanting; a stream that is not there is exit 2."""
    assert operator.ask("checkpoint")[0] == 0
    with psycopg.connect(operator.owner) as connection:
        connection.execute("UPDATE ledger.events SET state = '{}' WHERE position = 5")
    code, said, error = operator.ask("prove", operator.streams[4])
    assert (code, said) == (1, "")
    assert "flowledger audit verify" in error
    assert operator.ask("prove", operator.streams[0])[0] == 0
    assert operator.ask("prove", "deviation/1")[0] == 2


def test_the_verifier_is_written(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """It is the very file; it asks for no database and no settings."""
    program = Path(verifier.__file__).read_bytes()
    assert cli.main(["audit", "verifier"]) == 0
    assert capfdbinary.readouterr().out == program
    assert cli.main(["audit", "verifier", "--out", str(tmp_path / "v.py")]) == 0
    assert (tmp_path / "v.py").read_bytes() == program
