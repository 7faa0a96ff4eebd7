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

from api.dialects.masetra.forms import ErrorOut
from api.routes import Route

_REFS = "#/components/schemas/{name}"
_HEADERS = {
    "X-Position": "The ledger's position that this answer has seen, or that this write has.",
    "X-Request-ID": "The request's id.",
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
        return _served(_PAGE.encode(), "text/html; charset=utf-8")

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
        shapes |= {shape for shape in (route.body, *route.answers.values()) if shape is not None}
    queries = {route.query for route in described if route.query is not None}
    ordered = sorted(shapes | queries, key=lambda shape: shape.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REFS)
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path) + "/"
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, components)
    shown = {name: schema for name, schema in components.items() if name not in {query.__name__ for query in queries}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Flowledger", "version": version("flowledger"), "description": "Workflows on a ledger."},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": shown,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(route: Route, path: str, components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z]+', '_', path).strip('_')}",
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": _parameters(route, components),
        "responses": {
            **{str(status): _answer(status, shape) for status, shape in route.answers.items()},
            **{str(status): _answer(status, ErrorOut) for status in sorted({*route.refusals, 500})},
        },
    }
    if route.public:
        operation["security"] = []
    if route.body is not None:
        content = {"application/json": {"schema": _ref(route.body)}}
        operation["requestBody"] = {"required": route.body_required, "content": content}
    return operation


def _parameters(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if "{id:int}" in route.path:
        schema = {"type": "integer", "minimum": 1}
        found.append({"name": "id", "in": "path", "required": True, "schema": schema})
    if route.query is not None:
        for name, schema in components[route.query.__name__]["properties"].items():
            found.append({"name": name, "in": "query", "required": False, "schema": schema})
    if route.method == HTTPMethod.POST and not route.public:
        found.append(_header("Idempotency-Key", "The same key and request give the first answer again."))
    if route.method == HTTPMethod.GET:
        found.append(_header("X-Min-Position", _MIN_POSITION, {"type": "integer", "minimum": 0}))
    if 412 in route.refusals:
        found.append(_header("If-Match", "The ETag that the change is meant for."))
    if 304 in route.answers:
        found.append(_header("If-None-Match", "An ETag that the client has already."))
    return found


def _header(name: str, says: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    return {"name": name, "in": "header", "required": False, "description": says, "schema": schema or text}


def _answer(status: int, shape: Any) -> dict[str, Any]:
    headers = {name: {"description": says, "schema": {"type": "string"}} for name, says in _HEADERS.items()}
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": headers}
    if shape is not None:
        answer["content"] = {"application/json": {"schema": _ref(shape)}}
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
