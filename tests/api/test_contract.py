"""Masetra keeps what every dialect owes."""

from typing import Any

import httpx

from tests.contracts.dialect import DialectContract


class TestMasetra(DialectContract):
    list_path = "/api/deviations/"
    filter_name = "department"
    reader = "viewer"
    maker = "user"
    remover = "quality_manager"
    nowhere = "/api/nowhere/"

    def body(self, marker: str) -> dict[str, Any]:
        return {
            "title": "T",
            "description": "D",
            "category": "OTHER",
            "classification": "MINOR",
            "department": marker,
        }

    def update(self) -> dict[str, Any]:
        return {"title": "Another"}

    def error(self, answer: httpx.Response) -> tuple[str, str, dict[str, str]]:
        body = answer.json()
        assert body.keys() == {"status", "error"}
        assert body["status"] == "error"
        error = body["error"]
        assert error.keys() == {"code", "message", "details"}
        assert error["message"]
        return error["code"], error["message"], {it["field"]: it["message"] for it in error["details"]}

    def page(self, answer: httpx.Response) -> tuple[int, str | None, str | None, list[dict[str, Any]]]:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body.keys() == {"count", "next", "previous", "results"}
        return body["count"], body["next"], body["previous"], body["results"]

    def record(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code < 300, answer.text
        record: dict[str, Any] = answer.json()
        return record


class TestMasetraUnderV1(TestMasetra):
    """The same again under its other prefix: links keep it."""

    list_path = "/v1/deviations/"
    nowhere = "/v1/nowhere/"

    def page(self, answer: httpx.Response) -> tuple[int, str | None, str | None, list[dict[str, Any]]]:
        found = super().page(answer)
        assert all(link is None or httpx.URL(link).path == "/v1/deviations/" for link in found[1:3])
        return found


class TestMasetraCapas(TestMasetra):
    """CAPAs owe the same as deviations."""

    list_path = "/api/capas/"
    maker = "quality_manager"

    def body(self, marker: str) -> dict[str, Any]:
        return {"title": "T", "description": "D", "department": marker}
