"""Erasing a user through the API: shown at once everywhere, and never undone."""

import secrets
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from tests.api.accounts import GOOD, Account, ask
from tests.api.capa_stories import CapaStory
from tests.api.stories import faults, fired, message, report
from tests.support.product import Client, People, Product, until


class Person(Account):
    """A user about whom everything is known."""

    def __init__(self, product: Product, by: Client, *roles: str) -> None:
        """Make one whom nobody else is called like."""
        self.mark = secrets.token_hex(5)
        names = {"first_name": f"First{self.mark}", "last_name": f"Last{self.mark}"}
        known = {"email": f"{self.mark}@example.com", **names}
        super().__init__(product, by, roles=list(roles), department="QC", **known)
        self.printed = f"First{self.mark} Last{self.mark}"
        self.shown_as = f"erased user {self.id}"

    def erase(self, by: Client, **headers: str) -> httpx.Response:
        return by.post(f"{self.path}erase/", json={"reason": "Asked for it."}, headers=headers)

    def erased(self, by: Client) -> dict[str, Any]:
        answer = self.erase(by)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def keys(self) -> set[str]:
        """Return the purposes for which there are keys of his."""
        with psycopg.connect(self.product.env["DATABASE_URL"]) as connection:
            found = connection.execute("SELECT subject FROM ops.erasures WHERE user_id = %s", (self.id,)).fetchone()
        subject: UUID = found[0] if found else UUID(int=0)
        folder: Path = self.product.data / "keys" / "persons"
        return {path.name.split(".")[1] for path in folder.glob(f"{subject}.*")}


@pytest.fixture
def admin(people: People) -> Client:
    return people("administrator")


@pytest.fixture
def person(product: Product, admin: Client) -> Person:
    return Person(product, admin, "user")


def test_an_erased_user_is_shown_as_such_and_nothing_else_is(person: Person, admin: Client) -> None:
    answer = person.erased(admin)
    shown = answer["user"]
    assert (shown["username"], shown["display_name"], shown["is_active"]) == (person.shown_as, person.shown_as, False)
    assert (shown["email"], shown["first_name"], shown["last_name"]) == ("", "", "")
    assert answer["kept"] == {"until": None, "records": []}
    assert admin.get(person.path).json() == shown
    listed = admin.get("/api/users/", params={"is_active": "false", "limit": 200}).json()["results"]
    assert shown in listed
    assert person.mark not in str(listed)


def test_all_that_he_signed_in_with_is_dead_at_once_in_every_process(
    person: Person, admin: Client, product: Product, other: str
) -> None:
    session = person.signed_in()
    person.erased(admin)
    for base in ("", other):
        assert session.get(f"{base}/api/users/me/").status_code == 401
        assert ask(product, "/api/auth/refresh/", base, refresh=session.refresh).status_code == 401
        assert person.try_password(base=base).status_code == 401


def test_another_process_shows_it_at_once(person: Person, admin: Client, product: Product, other: str) -> None:
    url = f"{other}{person.path}"
    assert admin.get(url).json()["last_name"]
    position = person.erase(admin).headers["X-Position"]
    answer = admin.get(url, headers={"X-Min-Position": position})
    assert answer.json()["username"] == person.shown_as


def test_the_keys_are_gone_with_the_answer_and_the_names_a_minute_later_where_no_record_keeps_it(
    person: Person, admin: Client, product: Product
) -> None:
    person.erased(admin)
    assert person.keys() == {"name"}
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:  # A minute later.
        connection.execute("UPDATE ops.erasures SET begun_at = begun_at - interval '1 minute'")
    until(lambda: not person.keys(), says="the name's key destroyed")
    assert [it for it in person.topics(admin) if "erased" in it] == ["user.erased", "user.name_erased"]


def test_the_printed_name_stays_in_the_history_of_what_he_did_and_nowhere_else(person: Person, admin: Client) -> None:
    made = report(person.signed_in())
    answer = person.erased(admin)
    assert answer["kept"] == {"until": None, "records": [{"kind": "deviation", "records": 1, "open": 1, "until": None}]}
    path = f"/api/deviations/{made['id']}/"
    shown = {"id": person.id, "username": person.shown_as, "first_name": "", "last_name": ""}
    assert admin.get(path).json()["initiated_by"] == shown
    (entry,) = admin.get(f"{path}history/").json()["results"]
    assert entry["actor"] == {"id": person.id, "username": person.shown_as, "display_name": person.printed}
    assert person.name not in str(entry)


@pytest.mark.clause("11.50")
def test_of_who_gave_no_name_nothing_shows_the_user_name_once_he_is_erased(
    product: Product, people: People, admin: Client
) -> None:
    manager = Person(product, admin, "quality_manager")
    nameless = {"first_name": "", "last_name": "", "reason": "None of ours to know."}
    assert admin.patch(manager.path, json=nameless).status_code == 200
    story = CapaStory(people).planning()
    story.planned()
    signed_in = manager.signed_in()
    assert signed_in.patch(story.path, json={"title": "Named", "reason": "So."}).status_code == 200
    given = {"transition": "start_implementation", "signature": {"password": GOOD, "meaning": "I agree."}}
    assert signed_in.post(f"{story.path}transition/", json=given).status_code == 200
    assert story.history()[-1]["actor"]["display_name"] == manager.name  # As long as he is one of us.
    manager.erased(admin)
    last = story.history()[-1]
    assert (last["signature"]["name"], last["signature"]["valid"]) == (f"user {manager.id}", True)
    assert last["actor"]["display_name"] == manager.shown_as
    for path in ("history/", "copy/?format=json", "copy/?format=html"):
        assert manager.name not in admin.get(f"{story.path}{path}").text


@pytest.mark.clause("11.50")
def test_a_signature_keeps_its_printed_name_and_goes_on_to_hold(
    product: Product, people: People, admin: Client
) -> None:
    manager = Person(product, admin, "quality_manager")
    capa = admin.post("/api/capas/", json={"title": "T", "description": "D", "department": "QC"}).json()
    one = f"/api/capas/{capa['id']}/"
    steps: list[tuple[str, dict[str, Any]]] = [
        ("assign_owner", {"owner": people.id("qa_specialist")}),
        ("start_investigation", {}),
    ]
    for transition, given in steps:
        assert admin.post(f"{one}transition/", json={"transition": transition, **given}).status_code == 200
    owner = people("qa_specialist")
    found = {"root_cause_analysis": "Door.", "impact_assessment": "None."}
    assert owner.patch(one, json={**found, "reason": "Found."}).status_code == 200
    action = {"kind": "CORRECTIVE", "description": "A", "owner": people.id("qa_specialist"), "due_date": "2030-01-01"}
    assert owner.post(f"{one}actions/", json={**action, "reason": "Planned."}).status_code == 201
    assert owner.post(f"{one}transition/", json={"transition": "plan_actions"}).status_code == 200
    given = {"transition": "start_implementation", "signature": {"password": GOOD, "meaning": "I agree."}}
    answer = manager.signed_in().post(f"{one}transition/", json=given)
    assert answer.status_code == 200, answer.text
    manager.erased(admin)
    last = admin.get(f"{one}history/", params={"limit": 200}).json()["results"][-1]
    assert last["signature"]["name"] == manager.printed
    assert last["signature"]["valid"] is True


def test_his_own_history_tells_what_happened_and_nothing_of_him(person: Person, admin: Client) -> None:
    report(person.signed_in())  # So that the name's key is there.
    changed = admin.patch(person.path, json={"first_name": f"Second{person.mark}", "reason": "Married."})
    assert changed.status_code == 200, changed.text
    person.erased(admin)
    entries = person.history(admin)
    assert [entry["event"] for entry in entries] == ["user.created", "user.updated", "user.erased"]
    assert person.mark not in str(entries)
    assert person.name not in str(entries)
    assert entries[-1]["reason"] == "Asked for it."


@pytest.mark.clause("11.100", negative=True)
def test_the_user_name_is_never_given_again_and_leads_to_nobody(person: Person, admin: Client) -> None:
    person.erased(admin)
    again = admin.post("/api/users/", json={"username": person.name.upper(), "password": GOOD})
    assert again.status_code == 409
    for active in ("true", "false"):
        found = admin.get("/api/users/", params={"username": person.name, "is_active": active}).json()
        assert found["count"] == 0


@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("PUT", "", {"department": "Plant"}),
        ("PUT", "", {"is_active": True}),
        ("PUT", "", {"first_name": "Ana"}),
        ("PUT", "", {"password": "another-good-one"}),
        ("POST", "unlock/", {}),
        ("POST", "erase/", {"reason": "Again."}),
    ],
)
def test_nothing_can_be_done_to_him_any_more(
    person: Person, admin: Client, method: str, path: str, given: dict[str, Any]
) -> None:
    person.erased(admin)
    answer = admin.request(method, f"{person.path}{path}", json=given)
    assert answer.status_code == 409, answer.text
    assert admin.get(person.path).json()["username"] == person.shown_as


def test_administrators_alone_erase_and_nobody_himself(person: Person, people: People, product: Product) -> None:
    for role in ("quality_manager", "auditor"):
        assert person.erase(people(role)).status_code == 403
    assert person.erase(people("viewer")).status_code == 404
    another = Person(product, people("administrator"), "administrator")
    refused = another.erase(another.signed_in())
    assert refused.status_code == 409
    assert "himself" in message(refused)


def test_it_takes_a_reason_that_does_not_say_who(person: Person, admin: Client) -> None:
    at = f"{person.path}erase/"
    assert "reason" in faults(admin.post(at, json={}))
    assert "reason" in faults(admin.post(at, json={"reason": " "}))
    for said in (person.name, person.printed.split()[1].upper(), f"mail to {person.mark}@example.com"):
        assert "without saying who" in faults(admin.post(at, json={"reason": f"Because {said} left."}))["reason"]
    assert admin.get(person.path).json()["is_active"]


def test_the_same_key_erases_once(person: Person, admin: Client) -> None:
    key = f"erase-{person.mark}"
    first = person.erase(admin, **{"Idempotency-Key": key})
    again = person.erase(admin, **{"Idempotency-Key": key})
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert person.topics(admin).count("user.erased") == 1


def test_what_was_answered_before_shows_him_as_erased_and_is_not_done_twice(product: Product, admin: Client) -> None:
    mark = secrets.token_hex(5)
    given = {"username": f"u{mark}", "password": GOOD, "email": f"{mark}@example.com", "first_name": f"F{mark}"}
    headers = {"Idempotency-Key": f"make {mark}@example.com"}
    made = admin.post("/api/users/", json=given, headers=headers).json()
    path = f"/api/users/{made['id']}/"
    assert admin.post(f"{path}erase/", json={"reason": "Asked."}).status_code == 200
    again = admin.post("/api/users/", json=given, headers=headers)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json()["username"] == f"erased user {made['id']}"
    assert mark not in again.text
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        found = connection.execute("SELECT count(*) FROM ops.answers WHERE key LIKE %s", (f"%{mark}%",)).fetchone()
    assert found == (0,)


def test_an_erased_investigator_can_be_replaced(people: People, product: Product, admin: Client) -> None:
    person, manager = Person(product, admin, "qa_specialist"), people("quality_manager")
    made = report(manager)
    fired(manager, made["id"], "assign_investigator", investigator=person.id)
    kept = person.erased(admin)["kept"]
    assert kept["records"] == [{"kind": "deviation", "records": 1, "open": 1, "until": None}]
    assert manager.get(f"/api/deviations/{made['id']}/").json()["investigator"]["username"] == person.shown_as
    named = {"transition": "reassign_investigator", "investigator": person.id, "reason": "Back."}
    assert manager.post(f"/api/deviations/{made['id']}/transition/", json=named).status_code in (400, 409)
    other = people.id("qa_specialist")
    fired(manager, made["id"], "reassign_investigator", investigator=other, reason="Gone.")
