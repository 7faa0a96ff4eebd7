"""Erasing at the command line: one product, driven as an operator does."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.database import Server
from tests.support.product import Client, Product, running, until

GOOD = "a-good-password"


@pytest.fixture(scope="module")
def product(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of its own, with no administrator but the first."""
    with server.database() as made, running(tmp_path_factory.mktemp("data"), made.app_dsn, made.owner_dsn) as it:
        yield it


@pytest.fixture(scope="module")
def admin(product: Product) -> Client:
    return product.admin()


def privacy(product: Product, *command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flowledger", "privacy", *command, "--data", str(product.data)],
        input=given,
        env={"PATH": "/usr/bin:/bin", **product.env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def erase(
    product: Product, user: object, *more: str, reason: str = "Asked for it."
) -> subprocess.CompletedProcess[str]:
    return privacy(product, "erase", str(user), "--reason", reason, *more)


def made(admin: Client, **given: Any) -> dict[str, Any]:
    name = f"person-{secrets.token_hex(4)}"
    known = {"username": name, "password": GOOD, "email": f"{name}@example.com", "first_name": "Ana", "last_name": name}
    answer = admin.post("/api/users/", json={**known, "roles": ["user"], **given})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def keys(product: Product) -> set[Path]:
    return set((product.data / "keys" / "persons").iterdir())


def a_minute_later(product: Product) -> None:
    """Let whatever was under way when somebody was erased be over."""
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        connection.execute("UPDATE ops.erasures SET begun_at = begun_at - interval '1 minute'")


def report(product: Product, user: dict[str, Any]) -> int:
    him = product.anonymous().sign_in(user["username"], GOOD)
    given = {"title": "T", "description": "D", "category": "EQUIPMENT", "classification": "MINOR", "department": "QC"}
    answer = him.post("/api/deviations/", json=given)
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["id"]
    return number


@pytest.mark.long
@pytest.mark.parametrize("called", ["{username}", "{id}", "user/{id}"])
def test_a_person_is_erased_by_name_or_id_and_nothing_is_left_that_no_record_keeps(
    product: Product, admin: Client, called: str
) -> None:
    before, user = keys(product), made(admin)
    done = erase(product, called.format(**user), "--yes")
    assert done.returncode == 0, done.stderr
    assert f"erased user {user['id']} since" in done.stdout
    assert "a worker destroys it a minute after" in done.stdout
    assert "may stay in archived WAL and backups" in done.stdout
    assert user["username"] not in done.stdout + done.stderr
    assert {path.name.split(".")[1] for path in keys(product) - before} == {"name"}
    a_minute_later(product)
    until(lambda: keys(product) <= before, says="the name's key destroyed")
    assert "the printed name is gone, too" in erase(product, user["id"]).stdout
    shown = until(lambda: (it := admin.get(f"/api/users/{user['id']}/").json())["email"] == "" and it)
    assert shown["display_name"] == f"erased user {user['id']}"
    last = admin.get(f"/api/users/{user['id']}/history/").json()["results"][1]
    assert (last["event"], last["reason"], last["comment"]) == (
        "user.erased",
        "Asked for it.",
        "erased at the command line",
    )
    assert last["actor"] is None


def test_what_is_kept_is_told_record_by_record(product: Product, admin: Client) -> None:
    user = made(admin)
    first, _ = report(product, user), report(product, user)
    assert admin.delete(f"/api/deviations/{first}/", params={"reason": "None."}).status_code == 204
    done = erase(product, user["id"], "--yes", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    kept = told["kept"]["records"]
    assert told["kept"]["until"] is None
    assert [(it["kind"], it["records"], it["open"]) for it in kept] == [("deviation", 2, 1)]
    assert int(kept[0]["until"][:4]) == int(told["erased_at"][:4]) + 10
    listed = privacy(product, "due")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines() if "2 deviation" in line] == [str(user["id"])]
    assert "they end" in listed.stdout


def test_doing_it_again_is_well_and_does_nothing(product: Product, admin: Client) -> None:
    user = made(admin)
    report(product, user)
    first, again = erase(product, user["id"], "--yes", "--json"), erase(product, user["id"], "--json")
    assert (first.returncode, again.returncode) == (0, 0)
    assert json.loads(first.stdout) == json.loads(again.stdout)


def test_nobody_is_erased_who_was_not_confirmed(product: Product, admin: Client) -> None:
    user = made(admin)
    report(product, user)
    asked = erase(product, user["id"])
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "say --yes" in asked.stderr
    assert "1 deviation (1 open" in asked.stderr
    assert admin.get(f"/api/users/{user['id']}/").json()["is_active"]


@pytest.mark.parametrize("called", ["nobody-at-all", "999999", "user/999999", "deviation/1", "user/x", ""])
def test_who_is_not_there_can_not_be_erased(product: Product, called: str) -> None:
    refused = erase(product, called, "--yes")
    assert refused.returncode == 2
    assert "no user" in refused.stderr


def test_a_name_that_is_an_id_too_is_not_guessed(product: Product, admin: Client) -> None:
    user = made(admin)
    other = made(admin, username=str(user["id"]))
    refused = erase(product, user["id"], "--yes")
    assert refused.returncode == 2
    assert f"user/{other['id']}" in refused.stderr
    assert erase(product, f"user/{other['id']}", "--yes").returncode == 0
    assert admin.get(f"/api/users/{user['id']}/").json()["is_active"]


def test_the_last_administrator_and_a_reason_that_says_who_are_refused(product: Product, admin: Client) -> None:
    refused = erase(product, "admin", "--yes", reason="They left.")
    assert refused.returncode == 2
    assert "last active administrator" in refused.stderr
    user = made(admin)
    refused = erase(product, user["id"], "--yes", reason=f"{user['email']} asked.")
    assert refused.returncode == 2
    assert "without saying who" in refused.stderr
    assert privacy(product, "erase", str(user["id"]), "--yes").returncode == 2


@pytest.mark.long
def test_a_command_that_is_killed_has_erased_nothing_or_all_is_finished_without_it(
    product: Product, admin: Client
) -> None:
    """At any moment: what the fact says is done by the worker."""
    seconds, outcomes = 0.2, set()
    while True:
        before, user = keys(product), made(admin)
        asked = ["privacy", "erase", str(user["id"]), "--yes", "--reason", "Asked.", "--data", str(product.data)]
        command = [sys.executable, "-m", "flowledger", *asked]
        running = subprocess.Popen(command, env=product.env, stdout=subprocess.PIPE)
        try:
            running.communicate(timeout=seconds)
            finished = True
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()
            finished = False
        events = [it["event"] for it in admin.get(f"/api/users/{user['id']}/history/").json()["results"]]
        outcomes.add("user.erased" in events)
        if "user.erased" in events:
            a_minute_later(product)
            until(lambda before=before: keys(product) <= before, says="the keys destroyed")
            shown = admin.get(f"/api/users/{user['id']}/").json()
            assert (shown["username"], shown["email"]) == (f"erased user {user['id']}", "")
        else:
            assert admin.get(f"/api/users/{user['id']}/").json()["email"] == user["email"]
            assert keys(product) > before
        if finished:
            break
        seconds += 0.02
    assert outcomes == {False, True}


def test_a_session_that_goes_on_is_over_when_the_command_is(product: Product, admin: Client) -> None:
    user = made(admin)
    him = product.anonymous().sign_in(user["username"], GOOD)
    assert erase(product, user["id"], "--yes").returncode == 0
    assert him.get("/api/users/me/").status_code == 401
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        query = "SELECT password_hash, active FROM ops.credentials WHERE user_id = %s"
        assert connection.execute(query, (user["id"],)).fetchall() == [("", False)]
        query = "SELECT address, user_agent FROM ops.sessions WHERE user_id = %s"
        assert connection.execute(query, (user["id"],)).fetchall() == [(None, "")]
