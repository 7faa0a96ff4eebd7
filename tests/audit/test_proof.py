"""Proofs from a real ledger, and the verifier as an inspector runs it: one file, its own process, nothing of ours."""

import ast
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import AsyncConnection

from audit import verifier
from audit.bundle import ProofRefused, bundle, consistency, written
from audit.verifier import Bundle, Consistency, check
from ledger import subtrees
from ledger.append import Allotment, Plan, Proposed
from ledger.checkpoint import make_checkpoint
from ledger.connect import connect
from ledger.keys import Keys
from ledger.merkle import Tree
from ledger.note import origin_of, verifier_key
from ledger.proofs import inclusion
from ledger.read import stream_digest
from ledger.rows import Row, microseconds
from ledger.subtrees import Subtrees
from tests.support.database import Database
from tests.support.ledgers import fill, proposed, thread_on
from tests.support.proofs import PUBLIC, bundle_of, consistency_of, event, verify

pytestmark = pytest.mark.anyio

STREAM = uuid4()


class Stage:
    """A ledger in which one stream has three events among others, signed over 9 and over 20 events."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.keys = Keys(folder / "keys")
        self.subtrees = Subtrees()
        self.signed = 0
        fill(database.app_dsn, 4)
        self.append(1)
        fill(database.app_dsn, 4)
        self.sign()
        self.append(2)
        fill(database.app_dsn, 3)
        self.append(3)
        fill(database.app_dsn, 6)
        self.sign()

    def append(self, version: int, state: bytes = b'{"actor":7,"to_state":"OPEN","title":"A label"}') -> None:
        def plan(events: list[Proposed], _: Allotment) -> Plan:
            return Plan(events)

        with thread_on(self.database.app_dsn) as thread:
            thread.append(partial(plan, [proposed(STREAM, version, state=state)]), (), strict=True)

    def sign(self) -> None:
        self.signed += 1
        with psycopg.connect(self.database.app_dsn, autocommit=True) as connection:
            make_checkpoint(connection, self.keys, self.folder / "checkpoints.log")

    async def signing(self) -> None:
        self.sign()

    def alter(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        """Do what only the owner can."""
        with psycopg.connect(self.database.owner_dsn) as connection:
            connection.execute(statement, values or None)

    def rows(self) -> list[Row]:
        with psycopg.connect(self.database.owner_dsn) as connection:
            found = connection.execute(
                "SELECT * FROM ledger.events WHERE originator_id = %s ORDER BY position", (STREAM,)
            )
            return [Row(*row) for row in found.fetchall()]

    async def asked(self, ask: Callable[[AsyncConnection[Any]], Awaitable[bytes]]) -> bytes:
        connection = await connect(self.database.app_dsn, "test")
        try:
            return await ask(connection)
        finally:
            await connection.close()

    async def bundle(self, stream: UUID = STREAM, **more: Any) -> bytes:
        given = {"sign": self.signing, "subtrees": self.subtrees, **more}
        return await self.asked(lambda connection: bundle(connection, self.keys, stream, **given))

    async def consistency(self, *sizes: int) -> bytes:
        return await self.asked(lambda connection: consistency(connection, self.keys, *sizes, subtrees=self.subtrees))

    async def proven(self, **more: Any) -> Bundle:
        found = check(await self.bundle(**more))
        assert isinstance(found, Bundle)
        return found


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)


async def test_a_bundle_holds_the_stream_as_it_is_stored(stage: Stage) -> None:
    """Every event, byte for byte, under the newest checkpoint; signed by the key of the folder."""
    found = await stage.proven()
    assert found.stream == STREAM
    assert found.events == [
        (row.position, row.originator_version, row.topic, microseconds(row.recorded_at), row.state)
        for row in stage.rows()
    ]
    assert [one.position for one in found.events] == [5, 10, 14]
    assert found.head.size == 20
    assert [Ed25519PublicKey.from_public_bytes(found.head.key)] == stage.keys.verifiers()
    assert stage.signed == 2, "a checkpoint was there already"


async def test_a_stream_that_goes_on_is_signed_first(stage: Stage) -> None:
    """Where no checkpoint covers the last event yet, one is made; the bundle holds that event too."""
    stage.append(4)
    found = await stage.proven()
    assert ([one.version for one in found.events], found.head.size) == ([1, 2, 3, 4], 21)
    assert stage.signed == 3


async def test_what_is_not_signed_is_not_proved(stage: Stage) -> None:
    """Without the power to sign, a stream whose last event is not covered has no proof: half a record is none."""
    stage.append(4)
    with pytest.raises(ProofRefused, match="audit checkpoint"):
        await stage.bundle(sign=None)


async def test_a_stream_that_is_not_there(stage: Stage) -> None:
    with pytest.raises(LookupError, match="There is no stream"):
        await stage.bundle(uuid4())


async def test_consistency_between_any_two_checkpoints(stage: Stage) -> None:
    """Each is proved to begin each later one; by default the oldest and the newest."""
    for _ in range(4):
        fill(stage.database.app_dsn, 7)
        stage.sign()
    sizes = [9, 20, 27, 34, 41, 48]
    for place, first in enumerate(sizes):
        for second in sizes[place:]:
            found = check(await stage.consistency(first, second))
            assert isinstance(found, Consistency)
            assert (found.first.size, found.second.size) == (first, second)
    assert await stage.consistency() == await stage.consistency(9, 48)
    assert await stage.consistency(20) == await stage.consistency(20, 48)


async def test_consistency_of_what_was_not_signed(stage: Stage, database: Database) -> None:
    with pytest.raises(LookupError, match="No checkpoint covers 8 events"):
        await stage.consistency(8)
    with pytest.raises(ValueError, match="covers more"):
        await stage.consistency(20, 9)
    stage.alter("TRUNCATE ledger.checkpoints")
    with pytest.raises(LookupError, match="no checkpoint yet"):
        await stage.consistency()


ALTERED = {
    "its event": "UPDATE ledger.events SET state = '{\"actor\":8}' WHERE position = 10",
    "its time": "UPDATE ledger.events SET recorded_at = recorded_at + interval '1 us' WHERE position = 5",
    "its topic": "UPDATE ledger.events SET topic = 'test.happened_not' WHERE position = 5",
    "an event less": "DELETE FROM ledger.events WHERE position = 10",
    "a first event less": "DELETE FROM ledger.events WHERE position = 5",
    "a leaf hash": "UPDATE ledger.leaves SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE first = 6",
    "leaf hashes missing": "DELETE FROM ledger.leaves WHERE first = 6",
    "leaf hashes elsewhere": "UPDATE ledger.leaves SET first = 7 WHERE first = 6",
    "leaf hashes twice": "INSERT INTO ledger.leaves VALUES (7, decode(repeat('00', 32), 'hex'))",
    "the newest checkpoint's root": "UPDATE ledger.checkpoints SET note = replace(note, E'\\n20\\n', E'\\n21\\n')",
}  # fmt: skip


@pytest.mark.parametrize("what", ALTERED)
@pytest.mark.clause("11.10(b)", negative=True)
async def test_what_does_not_lead_to_the_signed_root_is_not_given_out(stage: Stage, what: str) -> None:
    """Where events, stored leaf hashes or the checkpoint were altered there is no proof, and it is said what to do."""
    stage.alter(ALTERED[what])
    with pytest.raises(ProofRefused, match="flowledger audit verify"):
        await stage.bundle()


async def test_a_checkpoint_that_was_moved_is_put_in_its_place_again(stage: Stage) -> None:
    """The file has it still; and what stands under another size than it says proves nothing."""
    stage.alter("UPDATE ledger.checkpoints SET size = 19 WHERE size = 20")
    assert (await stage.proven()).head.size == 20
    with pytest.raises(ProofRefused, match="The checkpoint over 19 events is signed by no key"):
        await stage.consistency(9, 19)


@pytest.mark.parametrize("size", [1, 21, 1 << 62, (1 << 63) - 1])
async def test_planted_rows_do_not_stop_the_proofs(stage: Stage, size: int) -> None:
    """The application may add rows to the checkpoints: what is not signed is passed over, at both ends."""
    with psycopg.connect(stage.database.app_dsn) as connection:
        connection.execute("INSERT INTO ledger.checkpoints VALUES (%s, 'garbage')", (size,))
    assert (await stage.proven(sign=None)).head.size == 20
    assert await stage.consistency() == await stage.consistency(9, 20)
    stage.append(4)
    stage.append(5)
    assert (await stage.proven()).head.size == 22


async def test_what_is_put_right_again_can_be_proved(stage: Stage) -> None:
    """What was known of the tree while it was wrong does not outlive the refusal."""
    stage.alter("UPDATE ledger.leaves SET hashes = hashes || hashes WHERE first = 6")
    with pytest.raises(ProofRefused):
        await stage.bundle()
    stage.alter("UPDATE ledger.leaves SET hashes = substr(hashes, 1, length(hashes) / 2) WHERE first = 6")
    await stage.bundle()


async def test_a_checkpoint_of_a_strange_key_proves_nothing(stage: Stage, tmp_path: Path) -> None:
    """Only what a key of the folder has signed goes out."""
    stage.keys = Keys(tmp_path / "others")
    stage.keys.signer()
    with pytest.raises(ProofRefused, match="signed by no key that is known here"):
        await stage.bundle()


async def test_a_ledger_of_several_chunks(stage: Stage) -> None:
    """Over thousands of events the hashes of proofs are those of the tree itself, wherever event and end are."""
    fill(stage.database.app_dsn, 4071, 5, 1, 4100, 7, 1000)
    with psycopg.connect(stage.database.owner_dsn) as connection:
        leaves = connection.execute("SELECT hashes FROM ledger.leaves ORDER BY first").fetchall()
    joined = b"".join(row[0] for row in leaves)
    hashes = [joined[at : at + 32] for at in range(0, len(joined), 32)]
    connection_ = await connect(stage.database.app_dsn, "test")
    try:
        for size in (1, 2, 4095, 4096, 4097, 8191, 8192, 8193, 9203, len(hashes)):
            tree = Tree()
            tree.extend(hashes[:size])
            for index in {min(place, size - 1) for place in (0, 4, size // 2, 4095, 4096, size)}:
                path = inclusion(index, size)
                known = await stage.subtrees.hashes(connection_, size, path)
                found = verifier.root_of(hashes[index], index, size, [known[part] for part in path])
                assert found == tree.root(), (size, index)
    finally:
        await connection_.close()
    stage.append(4)
    assert [one.version for one in (await stage.proven()).events] == [1, 2, 3, 4]


async def test_what_is_known_of_a_chunk_is_not_read_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second proof under the same checkpoint reads no leaf hash, and what is kept is bounded."""
    read = list[tuple[int, int]]()
    leaves = subtrees._leaves

    async def counted(connection: AsyncConnection[Any], first: int, last: int) -> list[bytes]:
        read.append((first, last))
        return await leaves(connection, first, last)

    monkeypatch.setattr(subtrees, "_leaves", counted)
    monkeypatch.setattr(subtrees, "_CHUNK_LEVEL", 2)
    monkeypatch.setattr(subtrees, "_CHUNK", 4)
    monkeypatch.setattr(subtrees, "_KEPT_CHUNKS", 3)
    await stage.bundle()
    assert read
    read.clear()
    await stage.bundle()
    assert read == []
    for _ in range(4):
        fill(stage.database.app_dsn, 7)
        stage.sign()
        await stage.bundle()
    assert len(stage.subtrees._inner) == 3


def test_the_verifier_takes_python_and_one_package() -> None:
    """It is one file that imports the standard library and `cryptography`, and is read by Python 3.10 too."""
    tree = ast.parse(Path(verifier.__file__).read_text(encoding="utf-8"), feature_version=(3, 10))
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or "."] if isinstance(node, ast.ImportFrom) else [it.name for it in node.names])
    }
    assert names - sys.stdlib_module_names == {"cryptography"}
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"__import__", "eval", "exec", "compile"}


async def test_an_inspector_verifies_offline(stage: Stage, tmp_path: Path) -> None:
    """Alone in an empty folder, with the public key from elsewhere, it verifies and tells every event in words."""
    done = verify(tmp_path / "inspector", await stage.bundle(), "--key", str(tmp_path / "keys" / "checkpoint.pub"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("VERIFIED\n")
    assert "checkpoint   over 20 events" in done.stdout
    for version, position in ((1, 5), (2, 10), (3, 14)):
        assert f"  v{version}; " in done.stdout
        assert f"position {position}; test.happened; by user 7; → OPEN; title: A label" in done.stdout
    assert "They are all events of the stream from version 1 on, to version 3" in done.stdout
    assert "Whether the stream has events after version 3" in done.stdout


async def test_a_key_without_a_name_leaves_open_which_ledger_it_is(stage: Stage, tmp_path: Path) -> None:
    """The same key may sign for several ledgers: only the key with the ledger's name tells one from the others."""
    proof = await stage.bundle()
    bare = verify(tmp_path / "inspector", proof, "--key", str(tmp_path / "keys" / "checkpoint.pub"))
    key: str = json.loads(proof)["key"]
    named = verify(tmp_path / "inspector", proof, "--key", key)
    assert "Which ledger it is: a key without a name may have signed others" in bare.stdout
    assert named.stdout.startswith("VERIFIED\n")
    assert "Which ledger" not in named.stdout
    origin = origin_of(UUID(int=9))
    other = verify(tmp_path / "inspector", proof, "--key", verifier_key(origin, stage.keys.verifiers()[0]))
    assert other.stdout == "REFUSED: the checkpoint is signed by another key than the one that you trust\n"


@pytest.mark.parametrize(("first", "open_"), [(0, False), (1, True)])
def test_it_says_from_which_version_on_the_events_are_all_there(tmp_path: Path, first: int, open_: bool) -> None:
    """A stream of the library may begin with version 0: one whose head was cut off is not said to be whole."""
    proof = written(bundle_of([event(place, version) for place, version in ((3, 0), (4, 1), (7, 2))][first:], 9))
    done = verify(tmp_path / "inspector", proof, "--key", PUBLIC)
    assert done.returncode == 0
    assert f"all events of the stream from version {first} on, to version 2" in done.stdout
    assert ("Whether the stream has an event of version 0" in done.stdout) is open_


async def test_it_says_what_it_can_not_know_without_a_key(stage: Stage, tmp_path: Path) -> None:
    """A bundle carries its key: that it is good in itself says nothing of who made it, and that is what is said."""
    done = verify(tmp_path / "inspector", await stage.bundle())
    assert done.returncode == 0
    assert done.stdout.startswith("CONSISTENT IN ITSELF; WHO SIGNED IT WAS NOT CHECKED\n")
    assert "without --key anybody could have made this file" in done.stdout


async def test_a_changed_file_is_refused_by_the_process_too(stage: Stage, tmp_path: Path) -> None:
    """Exit code 1, and why."""
    proof = bytearray(await stage.bundle())
    place = proof.index(b'"state":"') + 20
    proof[place] ^= 1
    done = verify(tmp_path / "inspector", bytes(proof))
    assert done.returncode == 1
    assert done.stdout.startswith("REFUSED: ")


@pytest.mark.parametrize(
    ("proof", "key", "code", "says"),
    [
        (bundle_of([event(1, 1)], 2), PUBLIC, 0, "VERIFIED"),
        (bundle_of([event(1, 1)], 2), bundle_of([event(1, 1)], 2)["key"], 0, "VERIFIED"),
        (consistency_of(3, 8), PUBLIC, 0, "None of them was changed, removed, moved or put in between"),
        (consistency_of(3, 8), "", 0, "CONSISTENT IN ITSELF"),
        (bundle_of([event(1, 1)], 2), "A" * 43 + "=", 1, "another key than the one that you trust"),
        (consistency_of(3, 8), "A" * 43 + "=", 1, "another key than the one that you trust"),
        (bundle_of([event(1, 1)], 2), "no key", 2, "is no file and no public key"),
        (bundle_of([event(1, 1)], 2), "AAAA", 2, "is no public key of 32 bytes"),
    ],
)
async def test_exit_codes(tmp_path: Path, proof: dict[str, Any], key: str, code: int, says: str) -> None:
    """0: it holds; 1: refused; 2: a key could not be read. The key may be given as text."""
    done = verify(tmp_path / "inspector", written(proof), *(["--key", key] if key else []))
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True), done


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = verify(tmp_path / "inspector", b"", "--key", "")
    assert done.returncode == 2
    code = verifier.main([str(tmp_path / "nowhere.json")])
    assert code == 2


async def test_nothing_in_a_file_can_steer_a_terminal(tmp_path: Path) -> None:
    """Control characters and those that turn the direction of writing are shown as their numbers."""
    state = json.dumps({"title": "\x1b[2J\u202e\x07 VERIFIED\n", "actor": "\x1b[31m"}).encode()
    done = verify(tmp_path / "inspector", written(bundle_of([event(1, 1, state, "test.\x1b[0m")], 2)))
    assert done.returncode == 0
    assert not {char for char in done.stdout if not char.isprintable()} - {"\n"}
    assert "\\u001b[2J\\u202e\\u0007 VERIFIED\\u000a" in done.stdout


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (b"\x00\xff", 0),
        (b"[]", 0),
        (b"", 0),
        (b'{"signature":{}}', 1),
        (b'{"signature":7,"source":7}', 0),
        (b'{"a":"\\ud800"}', 0),
        (b"9" * 5000, 0),
        (b'{"a":' + b"[" * 960 + b"]" * 960 + b"}", 0),
        (b"[" * 100_000, 0),
    ],
)
async def test_whatever_an_event_holds_the_verifier_tells_it(tmp_path: Path, state: bytes, code: int) -> None:
    """Its bytes are proved whatever they are; what is no event of ours is told as what it is."""
    done = verify(tmp_path / "inspector", written(bundle_of([event(1, 1, state)], 2)))
    assert (done.returncode, done.stderr) == (code, "")


class TestSignatures:
    """An electronic signature names its record, version, signer and what was signed: all is in the bundle."""

    def proof(self, **changed: Any) -> bytes:
        at = datetime(2026, 1, 5, tzinfo=UTC)
        stream = UUID("c0ffee00-0000-4000-8000-00000000beef")
        digest = stream_digest([Row(1, stream, 1, "test.happened", b"{}", at)])
        signature = {
            "stream": str(stream),
            "version": 2,
            "digest": digest,
            "signer": 5,
            "meaning": "Approved",
            **changed,
        }
        state = json.dumps({"actor": 5, "signature": signature}).encode()
        return written(bundle_of([event(1, 1), event(2, 2, state)], 2))

    def test_one_that_was_made_here_fits(self, tmp_path: Path) -> None:
        done = verify(tmp_path / "inspector", self.proof(), "--key", PUBLIC)
        assert done.returncode == 0
        assert "v2: signs this record, at this version, as it was" in done.stdout
        assert "SIGNED by user 5" in done.stdout
        assert "meaning: Approved" in done.stdout

    @pytest.mark.parametrize(
        "changed",
        [{"stream": str(uuid4())}, {"version": 3}, {"signer": 6}, {"digest": "sha256:" + "0" * 64}],
        ids=lambda it: next(iter(it)),
    )
    def test_one_that_was_made_elsewhere_is_refused(self, tmp_path: Path, changed: dict[str, Any]) -> None:
        done = verify(tmp_path / "inspector", self.proof(**changed), "--key", PUBLIC)
        assert done.returncode == 1
        assert done.stdout.startswith("REFUSED: an electronic signature was made for another record")
        assert "v2: WAS MADE FOR ANOTHER RECORD OR CONTENT" in done.stdout
