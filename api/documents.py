"""The OpenAPI document, made from the routes, and the page that shows it. Every asset is served by us."""

import re
from collections.abc import Sequence
from functools import cache
from http import HTTPMethod, HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from msgspec import Struct

from api.dialects.masetra.forms import ErrorBody, ErrorOut
from api.errors import STATUS
from api.fields import fields_of
from api.routes import Route

_REFS = "#/components/schemas/{name}"
#: The largest whole number that a query takes.
_LARGEST = 10**18 - 1
_TEXT: dict[str, Any] = {"type": "string"}
#: What a path's parameters are, by their kinds in the route.
_IN_PATH: dict[str, dict[str, Any]] = {
    "int": {"type": "integer", "minimum": 1},
    "uuid": {"type": "string", "format": "uuid"},
    "str": {"type": "string", "pattern": r"^[^\x00-\x1f\x7f/]+$"},
}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
#: What answers carry beside their bodies: what it says, its schema, and with which statuses (none: with all).
_HEADERS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "X-Request-ID": ("The request's id.", {"type": "string"}, ()),
    "X-Position": ("The ledger's position that this answer has seen, or that this write has.", _COUNT, ()),
    "X-RateLimit-Limit": ("How many requests an hour are allowed. Absent where no limit holds.", _COUNT, ()),
    "X-RateLimit-Remaining": ("How many of them are left.", _COUNT, ()),
    "X-RateLimit-Reset": ("When the next hour begins, in Unix seconds.", _COUNT, ()),
    "X-Read-Position": ("Where the read models were, if behind X-Position.", _COUNT, (200, 201, 202, 204)),
    "ETag": ("The record's version and the hash of this representation.", {"type": "string"}, (200, 201, 206, 304)),
    "WWW-Authenticate": ("How to sign in.", {"type": "string"}, (401,)),
    "Retry-After": ("After how many seconds to ask again.", _COUNT, (429, 503)),
}
_MIN_POSITION = "Wait until the read models have passed this position, a while at most; then 503."
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Flowledger API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{margin:0}</style></head>
<body><div id="redoc"></div><script src="/api/docs/redoc.standalone.js"></script>
<script src="/api/docs/start.js"></script></body></html>
"""
_START = 'Redoc.init("/api/schema/", {hideDownloadButton: false}, document.getElementById("redoc"));\n'
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:;"
    " connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def routes(described: Sequence[Route]) -> list[HTTPRouteHandler]:
    """Return `/api/schema/`, `/api/docs/` and what the page loads."""

    @cache
    def document() -> bytes:
        return msgspec.json.encode(openapi(described))

    @cache
    def viewer() -> bytes:
        return (files("api") / "static" / "redoc.standalone.js").read_bytes()

    @get("/api/schema", include_in_schema=False)
    async def schema() -> ASGIResponse:
        return _served(document(), "application/vnd.oai.openapi+json;version=3.1")

    @get("/api/docs", include_in_schema=False)
    async def page() -> ASGIResponse:
        return _served(_PAGE.encode(), "text/html")

    @get("/api/docs/start.js", include_in_schema=False)
    async def start() -> ASGIResponse:
        return _served(_START.encode(), "text/javascript")

    @get("/api/docs/redoc.standalone.js", include_in_schema=False)
    async def redoc() -> ASGIResponse:
        return _served(viewer(), "text/javascript")

    return [schema, page, start, redoc]


def openapi(described: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of some routes."""
    shapes = {ErrorOut}
    for route in described:
        shapes |= {shape for shape in (route.body, *route.answers.values()) if shape not in (None, bytes)}
    queries = {route.query for route in described if route.query is not None}
    ordered = sorted(shapes | queries, key=lambda shape: shape.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REFS)
    components[ErrorBody.__name__]["properties"]["code"]["enum"] = sorted(STATUS)
    for shape in queries | {route.body for route in described if route.body is not None}:
        _describe_input(shape, components)
    # The records that answers tag; what changes one answers with its tag, too.
    records = {shape for route in described if 304 in route.answers for shape in route.answers.values()}
    tagged = tuple(records - {None, bytes})
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path) + "/"
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, components, tagged)
    shown = {name: schema for name, schema in components.items() if name not in {query.__name__ for query in queries}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Flowledger", "version": version("flowledger"), "description": "Workflows on a ledger."},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": shown,
            "headers": {name: {"description": says, "schema": it} for name, (says, it, _) in _HEADERS.items()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _describe_input(shape: type[Struct], components: dict[str, Any]) -> None:
    """Say of what clients send what msgspec does not: unknown fields are refused, some text is a date or a time."""
    described = components[shape.__name__]
    described["additionalProperties"] = False
    for name, field in fields_of(shape).items():
        if field.nested is not None:
            _describe_input(field.nested, components)
        if field.time:
            given = described["properties"][name]
            null = [kind for kind in given.get("anyOf", ()) if kind["type"] == "null"]
            kinds = [{"type": "string", "format": it} for it in ("date", "date-time")]
            described["properties"][name] = {"anyOf": [*kinds, *null]}


def _operation(route: Route, path: str, components: dict[str, Any], tagged: tuple[type, ...]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z]+', '_', path).strip('_')}",
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": _parameters(route, components),
        "responses": {
            **{
                str(status): _answer(status, shape, route.media, tag=_has_tag(route, shape, tagged))
                for status, shape in route.answers.items()
            },
            **{str(status): _answer(status, ErrorOut) for status in _refusals(route)},
        },
    }
    if route.public:
        operation["security"] = []
    if route.body is not None:
        content = {"multipart/form-data" if route.streams else "application/json": {"schema": _ref(route.body)}}
        required = route.body_required and "required" in components[route.body.__name__]
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def _refusals(route: Route) -> list[int]:
    keyed = {409, 422} if route.keyed else set[int]()
    return sorted({*route.refusals, *keyed, 429, 500})


def _parameters(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, kind in re.findall(r"{(\w+):(\w+)}", route.path):
        found.append({"name": name, "in": "path", "required": True, "schema": _IN_PATH[kind]})
    if route.query is not None:
        for name, schema in components[route.query.__name__]["properties"].items():
            found.append({"name": name, "in": "query", "required": False, "schema": _in_query(schema)})
    if route.keyed:
        found.append(_header("Idempotency-Key", "The same key and request give the first answer again."))
    if route.method == HTTPMethod.GET:
        found.append(_header("X-Min-Position", _MIN_POSITION, {"type": "integer", "minimum": 0}))
    if 412 in route.refusals:
        found.append(_header("If-Match", "The ETag that the change is meant for.", _TEXT))
    if 304 in route.answers:
        found.append(_header("If-None-Match", "An ETag that the client has already.", _TEXT))
    if 206 in route.answers:
        found.append(_header("Range", "The bytes that are wanted: bytes=0-99.", _TEXT))
        found.append(_header("If-Range", "The ETag that the range is meant for.", _TEXT))
    return found


def _in_query(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value as it is in a query: null is not said there, and an empty value is no value."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    kinds = [_bounded(kind) for kind in kinds]
    if any(kind.get("type") == "string" and not kind.keys() & {"pattern", "format"} for kind in kinds):
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {"anyOf": [*kinds, {"const": ""}]}


def _bounded(kind: dict[str, Any]) -> dict[str, Any]:
    if kind.get("type") == "integer":
        return {**kind, "maximum": min(kind.get("maximum", _LARGEST), _LARGEST)}
    return {name: value for name, value in kind.items() if name != "minLength"}


def _header(name: str, says: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    return {"name": name, "in": "header", "required": False, "description": says, "schema": schema or text}


def _has_tag(route: Route, shape: Any, tagged: tuple[type, ...]) -> bool:
    return 304 in route.answers or (shape is not None and issubclass(shape, tagged))


def _answer(status: int, shape: Any, media: Sequence[str] = (), *, tag: bool = False) -> dict[str, Any]:
    headers = {
        name: {"$ref": f"#/components/headers/{name}"}
        for name, (_, _, statuses) in _HEADERS.items()
        if (not statuses or status in statuses) and (tag or name != "ETag")
    }
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": headers}
    if shape is bytes:
        answer["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    elif shape is not None:
        answer["content"] = {"application/json": {"schema": _ref(shape)}, **{other: {} for other in media}}
    return answer


def _ref(shape: type) -> dict[str, str]:
    return {"$ref": _REFS.format(name=shape.__name__)}


def _served(body: bytes, media_type: str) -> ASGIResponse:
    headers = {
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "public, max-age=3600",
    }
    return ASGIResponse(body=body, media_type=media_type, headers=headers)
