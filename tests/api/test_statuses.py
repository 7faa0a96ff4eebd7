"""Every status that the API refuses with: its code, its form, and the headers that belong to it."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest

from tests.api.files import attached
from tests.api.stories import body
from tests.support.database import Server
from tests.support.product import Client, Product, running, until

LIST = "/api/deviations/"
_JSON = {"Content-Type": "application/json"}


class Stage(NamedTuple):
    """A product of this module's own, its administrator, and its database's owner."""

    product: Product
    admin: Client
    owner: str


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    settings = {
        "FLOWLEDGER_RATE_LIMIT": "on",
        "FLOWLEDGER_TRUSTED_PROXIES": "127.0.0.1",
        "FLOWLEDGER_REQUEST_SECONDS": "0.5",
        "FLOWLEDGER_READ_WAIT_SECONDS": "1",
        "FLOWLEDGER_CORS_ORIGINS": "https://app.example.com",
    }
    data = tmp_path_factory.mktemp("statuses")
    with server.database() as made, running(data, made.app_dsn, made.owner_dsn, **settings) as product:
        yield Stage(product, product.admin(), made.owner_dsn)


def reported(admin: Client) -> httpx.Response:
    made = admin.post(LIST, json=body())
    assert made.status_code == 201, made.text
    return made


def conflict(stage: Stage) -> httpx.Response:
    fire = f"{LIST}{reported(stage.admin).json()['id']}/transition/"
    given = {"transition": "assign_investigator", "investigator": 1}
    assert stage.admin.post(fire, json=given).status_code == 200
    return stage.admin.post(fire, json=given)


def denied(stage: Stage) -> httpx.Response:
    name = "statuses-viewer"
    given = {"username": name, "password": "viewer-password", "first_name": "V", "last_name": "V", "roles": ["viewer"]}
    stage.admin.post("/api/users/", json=given)
    return stage.product.anonymous().sign_in(name, "viewer-password").post(LIST, json=body())


def outdated(stage: Stage) -> httpx.Response:
    path = f"{LIST}{reported(stage.admin).json()['id']}/"
    return stage.admin.patch(path, json={}, headers={"If-Match": '"99-x"'})


def key_reused(stage: Stage) -> httpx.Response:
    headers = {"Idempotency-Key": "statuses-1"}
    stage.admin.post(LIST, json=body(), headers=headers)
    return stage.admin.post(LIST, json=body(title="another"), headers=headers)


def crowded(stage: Stage) -> httpx.Response:
    headers = {"X-Forwarded-For": "203.0.113.77"}
    while (answer := stage.product.http.get(LIST, headers=headers)).status_code != 429:
        assert answer.status_code == 401
    return answer


def broken(stage: Stage) -> httpx.Response:
    with psycopg.connect(stage.owner, autocommit=True) as connection:
        connection.execute("ALTER TABLE views.deviations RENAME TO elsewhere")
        try:
            return stage.admin.get(LIST)
        finally:
            connection.execute("ALTER TABLE views.elsewhere RENAME TO deviations")


PROVOKED: dict[tuple[int, str], Callable[[Stage], httpx.Response]] = {
    (400, "VALIDATION_ERROR"): lambda it: it.admin.post(LIST, json={}),
    (401, "AUTHENTICATION_REQUIRED"): lambda it: it.product.anonymous().get(LIST),
    (403, "PERMISSION_DENIED"): denied,
    (404, "RESOURCE_NOT_FOUND"): lambda it: it.admin.get(f"{LIST}999999/"),
    (405, "METHOD_NOT_ALLOWED"): lambda it: it.admin.delete(LIST),
    (409, "CONFLICT"): conflict,
    (412, "PRECONDITION_FAILED"): outdated,
    (413, "PAYLOAD_TOO_LARGE"): lambda it: it.admin.post(LIST, content=b" " * 1_100_000, headers=_JSON),
    (415, "UNSUPPORTED_MEDIA_TYPE"): lambda it: it.admin.post(LIST, content="a", headers={"Content-Type": "text/csv"}),
    (422, "VALIDATION_ERROR"): key_reused,
    (429, "RATE_LIMIT_EXCEEDED"): crowded,
    (500, "INTERNAL_ERROR"): broken,
    (503, "SERVICE_UNAVAILABLE"): lambda it: it.admin.get(LIST, headers={"X-Min-Position": "999999"}),
}
BESIDE = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}


def check_form(answer: httpx.Response, code: str) -> None:
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-ID"]
    told = answer.json()
    assert (told["status"], told["error"]["code"]) == ("error", code)
    assert told["error"]["message"]
    assert all(detail.keys() == {"field", "message"} for detail in told["error"]["details"])


@pytest.mark.parametrize(("status", "code"), PROVOKED, ids=str)
def test_a_refusal_is_told_in_the_documents_form_with_its_code_and_headers(
    stage: Stage, status: int, code: str
) -> None:
    answer = PROVOKED[status, code](stage)
    assert answer.status_code == status, answer.text
    check_form(answer, code)
    assert int(answer.headers["X-Position"]) >= 0
    assert int(answer.headers["X-RateLimit-Limit"]) in (100, 1000)
    assert BESIDE.get(status, "X-Request-ID") in answer.headers


def test_what_went_wrong_on_our_side_is_told_by_the_requests_id_alone(stage: Stage) -> None:
    answer = broken(stage)
    assert answer.json()["error"]["details"] == []
    assert answer.headers["X-Request-ID"] in answer.text
    assert "relation" not in answer.text


def test_allow_names_all_methods_of_a_path(stage: Stage) -> None:
    path = f"{LIST}1/"
    for method in ("OPTIONS", "POST", "TRACE"):
        answer = stage.admin.request(method, path)
        assert answer.status_code == (204 if method == "OPTIONS" else 405)
        assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


def test_no_method_is_looked_for_where_there_is_no_path(stage: Stage) -> None:
    for method in ("OPTIONS", "DELETE", "TRACE", "PROPFIND"):
        assert stage.admin.request(method, "/api/nothing/").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/api/%zz/", "/api/%", "/api/deviations/%ff", "/v1/%c3%28/", "/api/%ed%a0%80/", "/api/%7f/", "/api/%00/", "/%0a"],
)
def test_a_path_that_is_no_text_is_400(stage: Stage, path: str) -> None:
    answer = spoken(stage.product, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.status_code == 400
    check_form(answer, "VALIDATION_ERROR")


def test_a_path_without_end_is_404_as_long_as_it_is_read(stage: Stage) -> None:
    assert stage.admin.get("/api/" + "x" * 20_000).status_code == 404
    assert stage.admin.get("/api/" + "%C3%A9" * 2_000).status_code == 404
    assert stage.admin.get("/api/%EF%BF%BD/").status_code == 404
    assert stage.admin.get(f"{LIST}{'9' * 5_000}/").status_code == 404


def spoken(product: Product, *parts: bytes, closing: bool = False) -> httpx.Response:
    """Say something on a connection of its own, and return the last answer; the server must close it."""
    with socket.create_connection(("127.0.0.1", product.port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        if closing:
            connection.shutdown(socket.SHUT_WR)
        heard = b""
        while chunk := connection.recv(65_536):
            heard += chunk
    lines, _, content = heard.rpartition(b"\r\n\r\n")
    status, *headers = lines.rpartition(b"HTTP/1.1 ")[2].split(b"\r\n")
    named: Any = [tuple(line.split(b": ", 1)) for line in headers]
    return httpx.Response(int(status[:3]), headers=named, content=content)


_HEAD = b"POST /api/auth/token/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ((b"FOO /api/ HTTP/1.1\r\nHost: x\r\n\r\n",), 405, "METHOD_NOT_ALLOWED"),
        ((b"get /api/ HTTP/1.1\r\nHost: x\r\n\r\n",), 405, "METHOD_NOT_ALLOWED"),
        ((b"\x16\x03\x01\x02\x00\x01",), 400, "VALIDATION_ERROR"),
        ((b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",), 400, "VALIDATION_ERROR"),
        ((b"GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",), 400, "VALIDATION_ERROR"),
        ((b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",), 400, "VALIDATION_ERROR"),
        ((b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",), 400, "VALIDATION_ERROR"),
        ((b"GET / HTTP/1.1\r\n", *[b"X: " + b"x" * 4_000 + b"\r\n"] * 9), 400, "VALIDATION_ERROR"),
        ((b"GET / HTTP/1.1\r\nX-Half: ",), 400, "VALIDATION_ERROR"),
        ((_HEAD + b"Content-Length: 50\r\n\r\n{",), 400, "VALIDATION_ERROR"),
        ((_HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",), 400, "VALIDATION_ERROR"),
        ((_HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\nzz\r\n",), 400, "VALIDATION_ERROR"),
        ((_HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",), 400, "VALIDATION_ERROR"),
        ((_HEAD + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",), 413, "PAYLOAD_TOO_LARGE"),
    ],
    ids=lambda it: it[-1][:50].decode("latin-1") if isinstance(it, tuple) else None,
)  # fmt: skip
def test_what_is_no_whole_request_is_refused_in_the_same_form(
    stage: Stage, said: tuple[bytes, ...], status: int, code: str
) -> None:
    answer = spoken(stage.product, *said)
    assert answer.status_code == status
    check_form(answer, code)
    assert int(answer.headers["X-Position"]) >= 0
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_body_that_comes_in_drops_is_given_up(stage: Stage) -> None:
    head = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stage.product.port), timeout=0.1) as connection:
        connection.sendall(head)
        heard = b""
        while not heard:
            connection.sendall(b"1\r\n \r\n")
            with suppress(TimeoutError):
                heard = connection.recv(65_536)
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert b"took too long" in heard


def test_a_reader_that_takes_nothing_is_cut_off_and_leaves_no_file_open(stage: Stage) -> None:
    link = attached(stage.admin, f"{LIST}{reported(stage.admin).json()['id']}/", bytes(8 * 1024 * 1024))["file"]
    head = f"GET {urlsplit(link).path} HTTP/1.1\r\nHost: x\r\n"
    head += f"Authorization: {stage.admin.headers['Authorization']}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stage.product.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        until(lambda: connection.getsockname()[1] not in peers(stage.product), says="cut off")
    until(lambda: not [path for path in opened(stage.product) if "/files/" in path], says="no file open")


def peers(product: Product) -> set[int]:
    """Return the ports that the API's connections go to."""
    assert product.api is not None
    found = psutil.Process(product.api.popen.pid).net_connections()
    return {it.raddr.port for it in found if it.raddr and it.status == psutil.CONN_ESTABLISHED}


def opened(product: Product) -> list[str]:
    """Return the files that the API has open."""
    assert product.api is not None
    return [it.path for it in psutil.Process(product.api.popen.pid).open_files()]


def test_what_comes_behind_a_whole_request_changes_nothing_of_its_answer(stage: Stage) -> None:
    content = json.dumps(body(title="whole")).encode()
    head = f"POST {LIST} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    head += f"Authorization: {stage.admin.headers['Authorization']}\r\n\r\n"
    for behind in (b"\x16\x03\x01\x02", b"GET /\xc3\xa9 HTTP/1.1\r\n"):
        answer = spoken(stage.product, head.encode() + content + behind)
        assert (answer.status_code, answer.headers["Connection"]) == (201, "close")
        assert answer.json()["title"] == "whole"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/docs/", "/api/schema/", "/api/nothing/", LIST])
def test_every_answer_tells_a_position_once(stage: Stage, path: str) -> None:
    (told,) = stage.admin.get(path).headers.get_list("X-Position")
    assert int(told) > 0


def test_a_connection_on_which_nothing_is_asked_is_closed(stage: Stage) -> None:
    with socket.create_connection(("127.0.0.1", stage.product.port), timeout=10) as connection:
        assert connection.recv(1) == b""


def test_a_client_that_expects_100_is_told_to_go_on_only_where_its_body_is_wanted(stage: Stage) -> None:
    def told(path: str) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        with socket.create_connection(("127.0.0.1", stage.product.port), timeout=10) as connection:
            connection.sendall(head.encode() + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
            return connection.recv(12)

    assert told("/api/auth/token/") == b"HTTP/1.1 100"
    assert told(LIST) == b"HTTP/1.1 401"


# Pages of other sites.

ORIGIN = {"Origin": "https://app.example.com"}


def test_a_page_of_a_named_site_may_ask_and_read(stage: Stage) -> None:
    for path in (LIST, "/api/nothing/", "/healthz"):
        answer = stage.product.http.get(path, headers=ORIGIN)
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
        exposed = answer.headers["Access-Control-Expose-Headers"]
        read = {"X-RateLimit-Remaining", "X-Position", "ETag", "Retry-After", "X-Request-ID", "Idempotency-Replayed"}
        assert read <= set(exposed.split(", "))
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_preflight_is_answered_without_token_and_limit(stage: Stage) -> None:
    headers = {**ORIGIN, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
    for path in (f"{LIST}1/", "/api/nothing/"):
        answer = stage.product.http.options(path, headers={**headers, "X-Forwarded-For": "203.0.113.77"})
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        assert {"Authorization", "If-Match", "Idempotency-Key"} <= set(
            answer.headers["Access-Control-Allow-Headers"].split(", ")
        )


@pytest.mark.parametrize("origin", ["https://evil.example.com", "http://app.example.com", "null", ""])
def test_a_page_of_another_site_may_read_nothing(stage: Stage, origin: str) -> None:
    for method, more in (("GET", {}), ("OPTIONS", {"Access-Control-Request-Method": "GET"})):
        answer = stage.product.http.request(method, LIST, headers={"Origin": origin, **more})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]
