"""After an erasure nothing readable of a person is left anywhere: whole products, searched byte by byte."""

import json
import os
import secrets
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from api.kept_answers import answer_context
from flowledger.postgres.binaries import bin_dir
from ledger.keys import Keys
from ledger.vault import Vault
from projections.delivery_log import body_context
from tests.support.product import ADMIN_PASSWORD, Client, Process, free_port, until
from tests.support.receiver import Subscriber, subscriber

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

PASSWORD = "a-good-password"


def forms(word: str) -> set[bytes]:
    """Return every way in which a word may stand in a file: each lies in it as it is, whatever is around it."""
    ways = {word, word.lower(), word.upper()}
    found = {way.encode(code) for way in ways for code in ("utf-8", "utf-16-le", "utf-16-be")}
    found |= {json.dumps(way)[1:-1].encode() for way in ways}
    found |= {way.encode().hex().encode() for way in ways}
    for way in ways:
        for before in range(3):  # Where in its group of three bytes the word begins; its edges are somebody else's too.
            raw = bytes(before) + way.encode()
            found.add(b64encode(raw)[-(-before * 8 // 6) :].rstrip(b"=")[:-1])
    return found


def places(folder: Path, words: set[str]) -> dict[str, list[str]]:
    """Return the files below a folder that hold a word, whichever way, by the word."""
    wanted = {word: forms(word) for word in words}
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            for word, ways in wanted.items():
                if any(way in content for way in ways):
                    found.setdefault(word, []).append(str(path.relative_to(folder)))
    return found


class Planted:
    """A person of whom every word is told nowhere else."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.username = self.word("u")
        self.email = f"{self.word('e')}@{self.word('d')}.example"
        self.first, self.last = self.word("Zoë"), self.word("Ångström")
        self.phone = f"+49 {self.word(digits=True)}"
        self.skill = self.word("s")

    def word(self, before: str = "", *, digits: bool = False) -> str:
        text = before + (str(secrets.randbelow(10**14)).zfill(14) if digits else secrets.token_hex(6))
        self.words.add(text)
        return text

    def given(self) -> dict[str, Any]:
        known = {"email": self.email, "first_name": self.first, "last_name": self.last}
        return {"username": self.username, "password": PASSWORD, **known}


class House:
    """A product in a folder of its own, with everything that runs for it."""

    def __init__(self, folder: Path, broker: str | None) -> None:
        self.folder, self.data = folder, folder / "var"
        self.port = free_port()
        env = {"FLOWLEDGER_BROKER_URL": broker} if broker else {}
        self.env = {**env, "FLOWLEDGER_LOG_LEVEL": "debug", "FLOWLEDGER_WEBHOOK_SCHEDULE": "0" + ",1" * 200}
        self.process = Process("up", "--port", str(self.port), data=self.data, env=self.env)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=15, trust_env=False)
        until(lambda: self.http.get("/readyz").status_code == 200, 60, "ready")
        self.admin = Client(self.http).sign_in("admin", ADMIN_PASSWORD)

    def run(self, *command: str) -> str:
        """Run a command of ours; return what it says."""
        ran = Process(*command, data=self.data, env=self.env)
        assert ran.popen.wait(60) == 0, ran.tell()
        said = ran.tell()
        ran.log.unlink()  # What a person at a terminal reads is no file of the product's.
        return said

    def owner(self) -> str:
        return self.run("db", "url", "--admin").splitlines()[-1].strip()

    def stop(self) -> None:
        self.process.stop()
        self.http.close()


@contextmanager
def redis(folder: Path) -> Iterator[str | None]:
    """Run a Redis that writes all it is told into a folder."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server")
    folder.mkdir()
    port = free_port()
    given = [program, "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always"]
    with (folder / "redis.log").open("w") as log:
        running = subprocess.Popen(given, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        running.terminate()
        running.wait(15)


@contextmanager
def nothing_else(_: Path) -> Iterator[str | None]:
    """Let the database be the broker."""
    yield None


@pytest.fixture(params=[nothing_else, redis], ids=["postgresql", "redis"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    made: Callable[[Path], Any] = request.param
    with made(tmp_path / "broker") as broker:
        it = House(tmp_path, broker)
        try:
            yield it
        finally:
            it.stop()


def good(answer: httpx.Response) -> Any:
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def through_every_door(house: House, it: Planted, told: Subscriber) -> tuple[int, int]:
    """Have a person do, and have done to him, whatever shows who he is; return his id and his deviation's."""
    admin = house.admin
    hook = {"url": told.url, "events": ["deviation.created", "deviation.updated"], "secret": "s" * 32}
    good(admin.post("/api/webhooks/", json=hook))
    making = {"Idempotency-Key": f"make {it.email} {it.first.encode('ascii', 'ignore').decode()}"}
    made = good(admin.post("/api/users/", json={**it.given(), "roles": ["user"]}, headers=making))
    path = f"/api/users/{made['id']}/"
    assert admin.post("/api/users/", json={**it.given(), "roles": ["user"]}).status_code == 409
    assert admin.post("/api/users/", json={**it.given(), "bogus": it.email}).status_code == 400
    for name in (it.username, it.email, it.last):
        wrong = {"username": name, "password": it.first}
        assert Client(house.http).post("/api/auth/token/", json=wrong).status_code == 401
    him = Client(house.http).sign_in(it.username, PASSWORD)
    profile = {"phone": it.phone, "skills": [it.skill], "job_title": it.word("j")}
    good(him.patch("/api/users/me/", json={"profile": profile, "email": f"{it.word('n')}@example.com"}))
    good(admin.put(path, json={"first_name": it.word("Renée"), "reason": "Told us."}))
    good(admin.get("/api/users/", params={"username": it.username}))
    assert admin.get("/api/users/", params={"username": it.email, "bogus": it.last}).status_code == 400
    deviation = {"title": "T", "description": "D", "category": "EQUIPMENT", "classification": "MINOR"}
    headers = {"Idempotency-Key": f"{it.username} reports"}
    reported = good(him.post("/api/deviations/", json={**deviation, "department": "QC"}, headers=headers))
    good(him.patch(f"/api/deviations/{reported['id']}/", json={"location": "Lab 3"}))
    assert him.post("/api/users/", json={"username": it.last}).status_code == 403
    for form in ("json", "csv", "xlsx"):
        assert admin.get("/api/reports/deviations/", params={"format": form}).status_code in (200, 400, 404)
    for at in (f"/api/deviations/{reported['id']}/history/", f"{path}history/", f"{path}sessions/"):
        good(admin.get(at))
    good(admin.get(path))
    until(lambda: len(told.received) >= 2, says="told")
    return made["id"], reported["id"]


def server_sealed(house: House, owner: str) -> bytes:
    """Return what is sealed with the server's key alone, opened: whoever has the folder of keys can."""
    vault = Vault(Keys(house.data / "keys"))
    with psycopg.connect(owner) as connection:
        answers = connection.execute("SELECT user_id, key, answer FROM ops.answers").fetchall()
        bodies = connection.execute("SELECT delivery_id, body FROM ops.delivery_bodies").fetchall()
    assert bodies
    opened = [vault.open(bytes(sealed), answer_context(user, key)) for user, key, sealed in answers]
    opened += [vault.open(bytes(sealed), body_context(delivery)) for delivery, sealed in bodies]
    return b"\n".join(opened)


def dumped(house: House, owner: str) -> Path:
    """Return the folder of a dump of the whole database, as text, with all rows in it readable."""
    folder = house.folder / "dump"
    folder.mkdir(exist_ok=True)
    with psycopg.connect(owner) as connection:
        query = """SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"""
        for (table,) in connection.execute(query).fetchall():
            with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as rows:
                (folder / table).write_bytes(b"".join(bytes(row) for row in rows))
    dump = [str(bin_dir() / "pg_dump"), "--file", str(folder / "dump.sql"), owner]
    subprocess.run(dump, check=True, capture_output=True, env={**os.environ, "PGSSLMODE": "disable"})
    return folder


def test_nothing_of_a_person_is_left_anywhere(house: House) -> None:
    it = Planted()
    control = secrets.token_hex(6)
    with subscriber() as told:
        told.status = lambda _: 500  # So that deliveries are made again.
        number, deviation = through_every_door(house, it, told)
        good(house.admin.patch(f"/api/deviations/{deviation}/", json={"title": control, "reason": "Clearer."}))
        before = good(house.admin.get(f"/api/deviations/{deviation}/"))
        assert before["initiated_by"]["username"] == it.username
        said = house.run("privacy", "erase", it.username, "--yes", "--json", "--reason", "Asked for it.")
        assert msgspec.json.decode(said.splitlines()[-1])["id"] == number
        told.received.clear()
        told.status = lambda _: 200
        until(lambda: told.received, says="told again")
        assert not any(way in one.body for one in told.received for word in it.words for way in forms(word))
    owner = house.owner()
    assert "erased user" in server_sealed(house, owner).decode(errors="replace")
    opened = server_sealed(house, owner)
    assert not {word for word in it.words for way in forms(word) if way in opened}
    shown = [
        f"/api/deviations/{deviation}/",
        f"/api/users/{number}/",
        f"/api/users/{number}/history/",
        f"/api/users/{number}/sessions/",
        "/api/users/?is_active=false",
    ]
    for path in shown:
        answer = house.admin.get(path)
        assert not {word for word in it.words if word in answer.text}, path
    assert "verified" in house.run("audit", "verify")
    assert "replayed" in house.run("audit", "replay")
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    dumped(house, owner)
    found = places(house.folder, {*it.words, control})
    assert {"dump/dump.sql", "dump/ledger.events"} <= set(found.pop(control))  # The search finds what is there.
    assert found == {}
    house.process.stop()
    assert places(house.folder, it.words) == {}


@pytest.mark.parametrize("word", ["a1b2c3d4e5f6", "Zoëa1b2c3"])
def test_the_search_finds_each_form_wherever_it_stands(word: str, tmp_path: Path) -> None:
    texts = [word, word.upper(), json.dumps({"a": word}), word.encode().hex()]
    contents = [text.encode() for text in texts] + [word.encode("utf-16-le"), b"x" + word.encode("utf-16-be")]
    contents += [b64encode(b"x" * before + word.encode() + b"tail") for before in range(6)]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(b"head" + content + b"tail")
    assert len(places(tmp_path, {word})[word]) == len(contents)
