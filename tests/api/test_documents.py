"""The OpenAPI document and its page; health; and who is let in where."""

import re
from typing import Any

import pytest

from api.dialects import masetra
from tests.support.product import People, Product

_METHODS = {"get", "put", "post", "delete", "patch"}
#: What answers a secret, which is kept under no key.
_TOLD_ONCE = ("/api/users/me/totp/", "post")
_IN_PATHS = {"uuid": "9b2f4a52-55c1-4f0a-9a53-2f1d2f8d7c11"}


@pytest.fixture(scope="module")
def document(product: Product) -> dict[str, Any]:
    answer = product.anonymous().get("/api/schema/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def walked(value: Any) -> list[Any]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(deep for one in inside for deep in walked(one))]


def test_every_route_is_in_the_document(document: dict[str, Any]) -> None:
    described = {(path, method) for path, its in document["paths"].items() for method in its}
    routed = {(re.sub(r":\w+", "", route.path) + "/", route.method.lower()) for route in masetra.ROUTES}
    assert described == routed


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = {one["$ref"] for one in walked(document) if isinstance(one, dict) and "$ref" in one}
    assert references
    for reference in references:
        assert reference.startswith("#/")
        found = document
        for part in reference[2:].split("/"):
            found = found[part]


def test_the_document_is_of_version_3_1_and_whole(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= document["info"].keys()
    operations = [its[method] for its in document["paths"].values() for method in its.keys() & _METHODS]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["responses"]
        assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])
        assert all("description" in answer for answer in operation["responses"].values())
        named = [(it["in"], it["name"]) for it in operation["parameters"]]
        assert len(set(named)) == len(named)


def test_a_tag_is_told_of_where_it_is_sent_and_nowhere_else(
    document: dict[str, Any], people: People, product: Product
) -> None:
    admin = people("administrator")
    made = admin.post("/api/capas/", json={"title": "T", "description": "D", "department": "Tags"})
    assert _tagged(document, "/api/capas/", "post", "201") is ("ETag" in made.headers) is True
    known = {"id": made.json()["id"], "position": 1, "size": 1, **_IN_PATHS}
    for path, its in document["paths"].items():
        asked = re.sub(r"{(\w+)}", lambda name: str(known.get(name[1], "none")), path)
        answer = admin.get(asked) if "get" in its else None
        if answer is not None and answer.status_code == 200:
            assert _tagged(document, path, "get", "200") is ("ETag" in answer.headers), path
    assert product.anonymous().get("/api/docs/").headers["Content-Type"] == "text/html; charset=utf-8"


def _tagged(document: dict[str, Any], path: str, method: str, status: str) -> bool:
    return "ETag" in document["paths"][path][method]["responses"][status]["headers"]


def test_every_write_but_sign_in_and_what_tells_a_secret_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for path, its in document["paths"].items():
        for method in its.keys() & _METHODS:
            named = {it["name"] for it in its[method]["parameters"]}
            keyed = method != "get" and its[method].get("security") != [] and (path, method) != _TOLD_ONCE
            assert ("Idempotency-Key" in named) is keyed, (method, path)


def test_every_answer_tells_of_the_limits_and_any_may_be_one_too_many(document: dict[str, Any]) -> None:
    limits = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-ID", "X-Position"}
    for its in document["paths"].values():
        for operation in its.values():
            assert {"429", "500"} <= operation["responses"].keys()
            assert all(limits <= answer["headers"].keys() for answer in operation["responses"].values())
            assert "Retry-After" in operation["responses"]["429"]["headers"]


def test_every_parameter_in_a_path_is_described(document: dict[str, Any]) -> None:
    for path, its in document["paths"].items():
        for operation in its.values():
            described = {it["name"] for it in operation["parameters"] if it["in"] == "path"}
            assert described == set(re.findall(r"{(\w+)}", path))


def test_the_page_loads_nothing_from_elsewhere(product: Product) -> None:
    page = product.anonymous().get("/api/docs/")
    assert page.headers["Content-Type"].startswith("text/html")
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert assets
    for asset in assets:
        assert asset.startswith("/api/docs/")
        served = product.anonymous().get(asset)
        assert served.status_code == 200
        assert served.headers["Content-Type"].startswith("text/javascript")
    assert "http" not in page.text.replace('<html lang="en">', "")


def test_the_page_forbids_the_browser_to_ask_others(product: Product) -> None:
    policy = product.anonymous().get("/api/docs/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize(
    "route",
    [route for route in masetra.ROUTES if not route.public],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_no_door_opens_for_nobody(product: Product, route: Any) -> None:
    path = re.sub(r"{\w+:(\w+)}", lambda it: _IN_PATHS.get(it[1], "1"), route.path) + "/"
    for prefix in ("/api", "/v1", "/v1/api"):
        answer = product.anonymous().request(route.method, prefix + path.removeprefix("/api"), content=b"{")
        assert answer.status_code == 401


def test_the_doors_that_are_open_to_all_are_those_three() -> None:
    assert {route.path for route in masetra.ROUTES if route.public} == {
        "/api/auth/token",
        "/api/auth/refresh",
        "/api/auth/logout",
    }


def test_it_says_that_it_is_alive_and_ready(product: Product) -> None:
    assert product.anonymous().get("/healthz").json() == {"status": "alive"}
    ready = product.anonymous().get("/readyz").json()
    assert ready["status"] == "ready"
    assert {"database", "migrations", "deviations", "users", "webhooks"} <= ready["checks"].keys()
    assert ready["checks"]["deviations"].keys() == {"ok", "position", "lag", "leading"}


def test_the_shapes_of_answers_are_those_of_the_document(people: People, document: dict[str, Any]) -> None:
    made = people("user").post(
        "/api/deviations/",
        json={"title": "T", "description": "D", "category": "OTHER", "classification": "MINOR", "department": "Shapes"},
    )
    shape = document["components"]["schemas"]["DeviationDetail"]
    assert made.json().keys() == shape["properties"].keys()
