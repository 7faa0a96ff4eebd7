"""What was refused and what was taken out is in the trail, before the answer goes out."""

import re
import secrets
from typing import Any

import psycopg
import pytest

from api import access_facts
from api.begun import Begun
from api.ranges import Span
from domain.errors import Denied, Unavailable
from domain.events import Event, Source
from ledger.append import Allotment
from tests.api.accounts import account, role
from tests.api.capa_stories import opened
from tests.api.files import attached
from tests.api.hooks import Hook
from tests.api.stories import Story, fire, report, signed
from tests.api.trails import after, head, last, told
from tests.support.product import Client, People, Product

pytestmark = pytest.mark.anyio


def state(product: Product, position: int) -> str:
    """Return the stored bytes of an event."""
    with psycopg.connect(product.env["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT state FROM ledger.events WHERE position = %s", (position,)).fetchone()
    assert row is not None
    return bytes(row[0]).decode()


@pytest.mark.clause("11.10(d)", negative=True)
def test_a_denied_permission_is_told_with_door_record_and_rule(product: Product, people: People) -> None:
    story = Story(people)
    viewer = people("viewer")
    assert fire(viewer, story.id, "cancel", reason="so").status_code == 403
    entry = last(product, people("auditor"), event="access.denied", user=people.id("viewer"))
    told_of = after(entry)
    assert told_of == {
        "says": "Cancel: only a quality manager.",
        "method": "POST",
        "path": "/api/deviations/{id}/transition",
        "record": f"deviation/{story.id}",
        "hidden": False,
    }
    assert (entry["actor"]["id"], entry["risk"]) == (people.id("viewer"), "high")
    assert entry["source"]["address"] == "127.0.0.1"


def test_a_door_that_needs_a_permission_names_it(product: Product, people: People) -> None:
    assert people("viewer").get("/api/users/").status_code == 403
    entry = last(product, people("auditor"), event="access.denied", user=people.id("viewer"))
    assert after(entry)["permission"] == "user.read"


@pytest.mark.parametrize(
    ("path", "permission", "record"),
    [
        ("/api/users/1/", "user.read", "user/1"),
        ("/api/users/1/sessions/", "user.read", "user/1"),
        ("/api/config/roles/1/", "role.read", "role/1"),
        ("/api/webhooks/1/", "webhook.read", "webhook/1"),
    ],
)
def test_a_record_that_is_hidden_from_who_asks_is_told_as_denied(
    product: Product, people: People, path: str, permission: str, record: str
) -> None:
    assert people("user").get(path).status_code == 404
    entry = last(product, people("auditor"), event="access.denied", user=people.id("user"))
    told_of = after(entry)
    assert (told_of["permission"], told_of["record"], told_of["hidden"]) == (permission, record, True)


def test_a_record_that_there_is_none_of_is_no_denial(product: Product, people: People) -> None:
    viewer, before = people("viewer"), head(product)
    assert viewer.get(f"/api/deviations/{2**40}/").status_code == 404
    assert viewer.get("/api/nothing/").status_code == 404
    assert product.anonymous().get("/api/users/").status_code == 401
    assert head(product) == before


def test_a_denial_is_one_fact_of_its_own_record(product: Product, people: People) -> None:
    viewer, before = people("viewer"), head(product)
    viewer.get("/api/users/")
    assert head(product) == before + 1
    entry = last(product, people("auditor"), event="access.denied")
    assert entry["record"]["kind"] == "access"
    assert entry["version"] == 1


@pytest.mark.clause("11.300")
def test_a_failed_sign_in_names_the_user_by_his_id_alone(product: Product, people: People) -> None:
    client = people("viewer", another=3)
    name = people("administrator").get(f"/api/users/{people.id('viewer', another=3)}/").json()["username"]
    wrong = secrets.token_hex()
    answer = product.anonymous().post("/api/auth/token/", json={"username": name, "password": wrong})
    assert answer.status_code == 401
    entry = last(product, people("auditor"), event="access.sign_in_failed", user=people.id("viewer", another=3))
    assert after(entry) == {"user": people.id("viewer", another=3), "why": "wrong_password"}
    assert entry["actor"] is None
    stored = state(product, entry["position"])
    assert name not in stored
    assert wrong not in stored
    assert client.get("/api/users/me/").status_code == 200


def test_a_name_that_nobody_bears_is_told_by_its_keyed_hash_and_the_same_each_time(
    product: Product, people: People
) -> None:
    name = f"Nobody-{secrets.token_hex(4)}"
    for written in (name, name.upper()):
        product.anonymous().post("/api/auth/token/", json={"username": written, "password": "x"})
    one, two = told(product, people("auditor"), event="access.sign_in_failed", limit=2)
    assert after(one) == after(two)
    assert re.fullmatch("[0-9a-f]{32}", after(one)["name"])
    assert after(one)["why"] == "unknown"
    assert name.lower() not in state(product, one["position"]).lower()


def test_a_refused_signature_is_told_once_and_not_as_a_denial_too(product: Product, people: People) -> None:
    story, signer = Story(people).submitted(), people("department_head")
    before = head(product)
    given = {**signed("department_head"), "password": "wrong"}
    assert fire(signer, story.id, "approve_department", signature=given).status_code == 403
    assert head(product) == before + 1
    entry = last(product, people("auditor"), user=people.id("department_head"))
    assert (entry["event"], after(entry)["why"]) == ("access.signature_refused", "wrong_password")


def test_a_report_that_is_taken_out_as_a_file_is_told_and_one_that_is_looked_at_is_not(
    product: Product, people: People
) -> None:
    viewer, before = people("viewer"), head(product)
    assert viewer.get("/api/reports/deviations/").status_code == 200
    assert viewer.request("HEAD", "/api/reports/deviations/", params={"format": "csv"}).status_code == 200
    assert head(product) == before
    for form in ("csv", "xlsx", "svg"):
        assert viewer.get("/api/reports/deviations/", params={"format": form}).status_code == 200
        entry = last(product, people("auditor"), event="access.exported", user=people.id("viewer"))
        assert after(entry) == {"what": "report", "form": form}
    assert entry["risk"] == "low"


def test_an_attachment_is_told_of_once_a_download_whatever_its_pieces(product: Product, people: People) -> None:
    made = report(people("user"))
    file = attached(people("user"), f"/api/deviations/{made['id']}/")
    path = file["file"].removeprefix(product.base)
    viewer, before = people("viewer"), head(product)
    assert viewer.get(path, headers={"Range": "bytes=0-4"}).status_code == 206
    assert viewer.get(path, headers={"Range": "bytes=5-"}).status_code == 206
    assert viewer.get(path, headers={"If-None-Match": "*"}).status_code == 304
    assert viewer.request("HEAD", path).status_code == 200
    assert head(product) == before + 1
    entry = last(product, people("auditor"), event="access.exported", user=people.id("viewer"))
    assert after(entry) == {"what": "attachment", "form": "application/pdf", "record": f"deviation/{made['id']}"}


@pytest.mark.parametrize("asked", ["bytes=1-", "bytes=-3"])
@pytest.mark.clause("11.10(d)", negative=True)
def test_a_part_of_a_file_without_its_beginning_is_a_download_too(product: Product, people: People, asked: str) -> None:
    made = report(people("user"))
    path = attached(people("user"), f"/api/deviations/{made['id']}/")["file"].removeprefix(product.base)
    viewer, before = people("viewer"), head(product)
    assert viewer.get(path, headers={"Range": asked}).status_code == 206
    assert head(product) == before + 1
    assert people("auditor").get(path, headers={"Range": asked}).status_code == 206
    assert head(product) == before + 2
    entry = last(product, people("auditor"), event="access.exported", user=people.id("viewer"))
    assert after(entry)["record"] == f"deviation/{made['id']}"


def test_a_part_belongs_to_a_download_that_it_continues_within_the_hour() -> None:
    now = [0.0]
    begun = Begun(clock=lambda: now[0])
    assert not begun.goes_on("a", Span(1, 9))
    begun.note("a", Span(0, 10))
    assert begun.goes_on("a", Span(10, 20))
    assert begun.goes_on("a", Span(15, 30))
    assert not begun.goes_on("a", Span(31, 40))  # What lies between was not given.
    assert not begun.goes_on("a", Span(0, 10))  # Once more from the beginning.
    assert not begun.goes_on("b", Span(10, 20))
    now[0] = 3601.0
    assert not begun.goes_on("a", Span(10, 20))


def test_so_many_downloads_are_remembered_and_no_more() -> None:
    begun = Begun(clock=lambda: 0.0)
    for name in range(1001):
        begun.note(name, Span(0, 1))
    assert not begun.goes_on(0, Span(1, 2))
    assert begun.goes_on(1, Span(1, 2))


#: Doors of a record, by the method.
_OF_DEVIATION = [
    *(("GET", path) for path in ("", "?as_of=2999-01-01", "history/", "proof/", "copy/", "transitions/")),
    ("GET", "attachments/"),
    *(("POST", path) for path in ("transition/", "attachments/")),
    *(("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("PUT", "investigation/"), ("DELETE", "attachments/1/")),
]
_OF_USER = [
    *(("GET", path) for path in ("", "history/", "sessions/")),
    *(("PUT", ""), ("DELETE", ""), ("POST", "unlock/"), ("POST", "erase/")),
    *(("DELETE", "sessions/"), ("DELETE", "totp/")),
]
_OF_WEBHOOK = [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "rotate/"), ("POST", "redeliver/")]


@pytest.fixture(scope="module")
def stranger(people: People, product: Product) -> Client:
    """Somebody who may see no record of any kind."""
    return account(people, product, roles=[role(people, "report.read")]).signed_in()


@pytest.fixture(scope="module")
def there(people: People) -> dict[str, int]:
    """A record of each kind."""
    made = {"deviations": report(people("user"))["id"], "capas": opened(people("quality_manager"))["id"], "users": 1}
    return {**made, "webhooks": Hook(people("administrator")).id}


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        *(("deviations", *door) for door in _OF_DEVIATION),
        *(("capas", *door) for door in [("GET", "actions/"), ("POST", "actions/"), ("DELETE", "actions/1/")]),
        *(("users", *door) for door in _OF_USER),
        *(("webhooks", *door) for door in _OF_WEBHOOK),
    ],
)
@pytest.mark.clause("11.10(d)", negative=True)
def test_nothing_tells_a_record_that_is_hidden_from_one_that_there_is_none_of(
    product: Product, stranger: Client, there: dict[str, int], kind: str, method: str, path: str
) -> None:
    answers = []
    for number in (there[kind], 2**40):
        before = head(product)
        answer = stranger.request(method, f"/api/{kind}/{number}/{path}")
        told_of = answer.json()["error"]["message"].replace(str(number), "")
        answers.append((answer.status_code, told_of, head(product) - before))
    assert answers[0] == answers[1]
    assert answers[0][::2] == (404, 1)


class _Doors:
    """A ledger that takes nothing, or keeps what it is given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.appended: list[Any] = []
        self.writer = self.codec = self

    async def append(self, append: Any) -> None:
        if self.error is not None:
            raise self.error
        self.appended += append.plan(Allotment({}, None, 0)).events  # type: ignore[arg-type]

    def encode(self, event: Event) -> Event:
        return event


class _Call:
    def __init__(self, doors: _Doors) -> None:
        self.doors = doors
        self.user = type("User", (), {"id": 7})()
        self.source, self.request_id, self.correlation = Source(), "req", "cor"
        self.refusal_recorded = False
        self.request = type("Request", (), {"path_params": {"id": 5}})()


async def test_a_refusal_goes_out_also_where_it_can_not_be_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    """The failure is an error in the log."""
    call: Any = _Call(_Doors(Unavailable("away")))
    await access_facts.denied(call, "GET", "/api/users", Denied("No."))
    await access_facts.sign_in_failed(call, 7, "ana", "locked")
    await access_facts.signature_refused(call, "locked")
    said = capsys.readouterr().out
    assert said.count("refusal_not_recorded") == 3
    assert "error" in said


async def test_a_refusal_goes_out_also_where_its_fact_can_not_be_made(capsys: pytest.CaptureFixture[str]) -> None:
    call: Any = _Call(_Doors())
    call.request.path_params = {}
    await access_facts.denied(call, "GET", "/api/capas/{id:int}", Denied("No."))
    call.source = object  # No event can be made of it.
    await access_facts.sign_in_failed(call, 7, "ana", "no such reason")
    assert capsys.readouterr().out.count("refusal_not_recorded") == 2
    assert call.doors.appended == []


async def test_what_can_not_be_recorded_is_not_given() -> None:
    call: Any = _Call(_Doors(Unavailable("away")))
    with pytest.raises(Unavailable):
        await access_facts.exported(call, "report", "csv")


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("/api/capas/{id:int}/actions/{action:int}", "capa/5"),
        ("/api/media/deviation_attachments/{id:int}/{attachment:int}/{name:str}", "deviation/5"),
        ("/api/config/roles/{id:int}", "role/5"),
        ("/api/audit/{position:int}/review", ""),
        ("/api/users", ""),
    ],
)
async def test_a_door_is_told_without_what_was_put_in_its_place(path: str, record: str) -> None:
    doors = _Doors()
    call: Any = _Call(doors)
    await access_facts.denied(call, "GET", path, Denied("No."))
    fact = doors.appended[0].state
    assert fact.record == record
    assert ":" not in fact.path
    assert (fact.actor, fact.id) == (7, 1)
