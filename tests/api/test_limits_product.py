"""Rate limits as clients meet them, in two API processes at once."""

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.database import Server
from tests.support.product import Client, People, Process, Product, free_port, running, until

SYSTEM = "/api/config/system/"
LIST = "/api/deviations/"
_ADDRESSES = count(1)


@dataclass
class Pair:
    """A product with two API processes, each on a port of its own, behind a proxy that tells clients' addresses."""

    product: Product
    people: People
    owner: str
    other: Process
    http: httpx.Client

    def both(self) -> tuple[httpx.Client, httpx.Client]:
        return self.product.http, self.http

    def again(self) -> None:
        """Start the other process, which was stopped."""
        self.other = Process(
            "serve", "--port", str(self.http.base_url.port), data=self.product.data, env=self.product.env
        )
        until(lambda: self.http.get("/readyz").status_code == 200)

    def configure(self, **changes: Any) -> None:
        """Change settings, and wait until the other process has heard of it too: the one that was asked has."""
        answer = self.people("administrator").put(SYSTEM, json=changes)
        assert answer.status_code == 200, answer.text
        token = self.people("administrator").headers
        until(lambda: self.http.get(SYSTEM, headers=token).content == answer.content)


@pytest.fixture(scope="module")
def pair(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    data = tmp_path_factory.mktemp("limited")
    limited = {"FLOWLEDGER_RATE_LIMIT": "on", "FLOWLEDGER_TRUSTED_PROXIES": "127.0.0.1"}
    with server.database() as made, running(data, made.app_dsn, made.owner_dsn, **limited) as product:
        product.http.headers["X-Forwarded-For"] = "192.0.2.250"
        product.admin().put(SYSTEM, json={"rate_limit_roles": {"administrator": 0}})
        port = free_port()
        http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=15, trust_env=False)
        other = Process("serve", "--port", str(port), data=data, env=product.env)
        pair = Pair(product, People(product), made.owner_dsn, other, http)
        try:
            until(lambda: http.get("/readyz").status_code == 200, says="ready")
            yield pair
        finally:
            pair.other.stop()
            http.close()


def address() -> dict[str, str]:
    """Return what a proxy tells of a client whose address nobody had before."""
    number = next(_ADDRESSES)
    return {"X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}"}


def user(pair: Pair, limit: int) -> dict[str, str]:
    """Return the headers of a new user with a limit of his own."""
    number = next(_ADDRESSES)
    client = pair.people("viewer", another=number)
    pair.configure(rate_limit_users={str(pair.people.id("viewer", another=number)): limit})
    return client.headers


def in_one_hour(do: Callable[[], list[httpx.Response]]) -> list[httpx.Response]:
    """Return answers of which all came in the same hour."""
    while True:
        answers = do()
        if len({answer.headers.get("X-RateLimit-Reset") for answer in answers}) == 1:
            return answers


def storm(clients: tuple[httpx.Client, ...], headers: dict[str, str], times: int) -> list[httpx.Response]:
    """Ask each of several processes so many times, from many threads."""
    with ThreadPoolExecutor(16) as threads:
        asked = [
            threads.submit(client.get, "/api/nothing/", headers=headers) for _ in range(times) for client in clients
        ]
        return [future.result() for future in asked]


def admitted(answers: list[httpx.Response]) -> int:
    assert {answer.status_code for answer in answers} <= {404, 429}
    return sum(answer.status_code == 404 for answer in answers)


def told(answer: httpx.Response) -> tuple[int, int]:
    """Return limit and remaining; the third of the headers is looked at."""
    reset = int(answer.headers["X-RateLimit-Reset"])
    assert reset % 3600 == 0
    assert 0 < reset - time.time() <= 3600
    return int(answer.headers["X-RateLimit-Limit"]), int(answer.headers["X-RateLimit-Remaining"])


def test_a_hundred_requests_an_hour_are_anyones(pair: Pair) -> None:
    def ask() -> list[httpx.Response]:
        client = Client(pair.product.http)
        client.headers = address()
        return [client.get(LIST) for _ in range(102)]

    answers = in_one_hour(ask)
    assert [answer.status_code for answer in answers] == [401] * 100 + [429] * 2
    assert [told(answer) for answer in answers] == [(100, left) for left in range(99, -1, -1)] + [(100, 0)] * 2


def test_one_too_many_is_429_in_the_dialects_form_and_says_when_to_ask_again(pair: Pair) -> None:
    headers = user(pair, 1)
    for path in (LIST, "/v1/deviations/", "/v1/api/nothing/", "/api/docs/"):
        until(lambda path=path: pair.product.http.get(path, headers=headers).status_code == 429)
        answer = pair.product.http.get(path, headers=headers)
        assert answer.json()["error"].keys() == {"code", "message", "details"}
        assert (answer.json()["status"], answer.json()["error"]["code"]) == ("error", "RATE_LIMIT_EXCEEDED")
        assert abs(int(answer.headers["Retry-After"]) - (int(answer.headers["X-RateLimit-Reset"]) - time.time())) < 2
        assert {"X-Request-ID", "X-Position"} <= {name.title().replace("Id", "ID") for name in answer.headers}


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("GET", "/api/schema/", {}, 200),
        ("GET", "/api/docs/redoc.standalone.js", {}, 200),
        ("GET", LIST, {}, 401),
        ("HEAD", LIST, {}, 401),
        ("GET", "/api/nothing/", {}, 404),
        ("GET", "/v1/nothing/", {}, 404),
        ("GET", "/", {}, 404),
        ("GET", "/api/%zz/", {}, 400),
        ("DELETE", LIST, {}, 405),
        ("OPTIONS", LIST, {}, 204),
        ("POST", "/api/auth/token/", {"content": b"x" * 1_100_000}, 413),
        ("POST", "/api/auth/token/", {"content": b"a=b", "headers": {"Content-Type": "text/plain"}}, 415),
    ],
)
def test_every_answer_tells_of_the_limit(
    pair: Pair, method: str, path: str, given: dict[str, Any], status: int
) -> None:
    headers = {**address(), **given.pop("headers", {})}
    answer = pair.product.http.request(method, path, headers=headers, **given)
    assert (answer.status_code, told(answer)) == (status, (100, 99))


def test_answers_to_users_tell_of_theirs_too_also_where_nothing_changed_and_where_we_failed(pair: Pair) -> None:
    client = pair.people("user", another=next(_ADDRESSES))
    body = {"title": "t", "description": "d", "category": "OTHER", "classification": "MINOR", "department": "Lab"}
    made = client.post(LIST, json=body)
    path = f"{LIST}{made.json()['id']}/"
    same = client.get(path, headers={"If-None-Match": made.headers["ETag"]})
    with psycopg.connect(pair.owner, autocommit=True) as connection:
        connection.execute("ALTER TABLE views.deviations RENAME TO elsewhere")
        try:
            failed = client.get(LIST)
        finally:
            connection.execute("ALTER TABLE views.elsewhere RENAME TO deviations")
    assert [answer.status_code for answer in (made, same, failed)] == [201, 304, 500]
    assert failed.json()["error"]["code"] == "INTERNAL_ERROR"
    limits = [told(answer) for answer in (made, same, failed)]
    assert {limit for limit, _ in limits} == {1000}
    assert [limits[0][1] - remaining for _, remaining in limits] == [0, 1, 2]


def test_a_good_token_counts_for_its_user_alone_and_a_bad_one_for_nobody(pair: Pair) -> None:
    http, crowded = pair.product.http, address()
    token = pair.people("viewer", another=next(_ADDRESSES)).headers
    until(lambda: http.get(LIST, headers=crowded).status_code == 429)
    assert http.get(LIST, headers={**crowded, **token}).status_code == 200
    assert http.get(LIST, headers={**crowded, "Authorization": "Bearer not.a.token"}).status_code == 429
    fresh = address()
    bad = http.get(LIST, headers={**fresh, "Authorization": "Bearer not.a.token"})
    assert (bad.status_code, told(bad)) == (401, (100, 99))
    http.get(LIST, headers={**fresh, **token})
    assert told(http.get(LIST, headers=fresh)) == (100, 98)


def test_addresses_of_one_ipv6_network_count_together(pair: Pair) -> None:
    http, network = pair.product.http, f"2001:db8:{secrets.token_hex(2)}"
    asked = [f"{network}:1::1", f"{network}:1:ffff::2", f"{network}:2::1"]
    answers = in_one_hour(lambda: [http.get(LIST, headers={"X-Forwarded-For": one}) for one in asked])
    remaining = [told(answer)[1] for answer in answers]
    assert remaining[0] - remaining[1] == 1
    assert remaining[2] > remaining[1]


def test_health_is_not_counted_and_tells_of_no_limit(pair: Pair) -> None:
    crowded = address()
    until(lambda: pair.product.http.get(LIST, headers=crowded).status_code == 429)
    for path in ("/healthz", "/readyz", "/healthz/"):
        answer = pair.product.http.get(path, headers=crowded)
        assert answer.status_code == 200
        assert "X-RateLimit-Limit" not in answer.headers


def test_who_has_no_limit_is_told_of_none(pair: Pair) -> None:
    answer = pair.people("administrator").get(SYSTEM)
    assert answer.status_code == 200
    assert "X-RateLimit-Limit" not in answer.headers


def test_another_limit_holds_from_the_next_request_on(pair: Pair) -> None:
    headers = user(pair, 50)
    number = next(iter(pair.people("administrator").get(SYSTEM).json()["rate_limit_users"]))
    http = pair.product.http
    assert told(http.get(LIST, headers=headers))[0] == 50
    pair.configure(rate_limit_users={number: 1})
    assert http.get(LIST, headers=headers).status_code == 429
    pair.configure(rate_limit_users={}, rate_limit_roles={"administrator": 0, "viewer": 70})
    assert told(http.get(LIST, headers=headers))[0] == 70
    pair.configure(rate_limit_roles={"administrator": 0})
    assert told(http.get(LIST, headers=headers))[0] == 1000


def test_two_processes_under_a_storm_admit_the_limit_to_the_last_and_no_more(pair: Pair) -> None:
    answers = in_one_hour(lambda: storm(pair.both(), user(pair, 300), 300))
    assert admitted(answers) == 300


@pytest.mark.long
def test_a_process_that_is_killed_costs_at_most_what_it_had_reserved(pair: Pair) -> None:
    def ask() -> list[httpx.Response]:
        headers = user(pair, 400)
        answers = storm(pair.both(), headers, 60)
        pair.other.stop(signal.SIGKILL)
        answers += storm((pair.product.http,), headers, 400)
        pair.again()
        return answers + storm((pair.http,), headers, 5)

    assert 400 - 400 // 16 <= admitted(in_one_hour(ask)) <= 400


@pytest.mark.long
def test_a_process_that_is_stopped_gives_back_what_it_had_reserved(pair: Pair) -> None:
    def ask() -> list[httpx.Response]:
        headers = user(pair, 400)
        answers = storm(pair.both(), headers, 60)
        pair.other.stop()
        answers += storm((pair.product.http,), headers, 400)
        pair.again()
        return answers

    assert admitted(in_one_hour(ask)) == 400


@pytest.mark.long
def test_the_processes_of_one_command_hold_a_limit_together(pair: Pair) -> None:
    port = free_port()
    several = Process("serve", "--port", str(port), "--api-workers", "2", data=pair.product.data, env=pair.product.env)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=15, trust_env=False) as http:
            until(lambda: http.get("/readyz").status_code == 200)
            assert admitted(in_one_hour(lambda: storm((http,), user(pair, 200), 400))) == 200
    finally:
        assert several.stop() == 0
