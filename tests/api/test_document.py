"""The quality document's requests and responses, run as they are printed there."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.stories import Story
from tests.support.product import ADMIN_PASSWORD, Client, People, Product

CREATE_DEVIATION = {
    "title": "string",
    "description": "string",
    "category": "PROCEDURAL|EQUIPMENT|MATERIAL|ENVIRONMENTAL|OTHER",
    "classification": "CRITICAL|MAJOR|MINOR",
    "department": "string",
    "location": "string",
    "discovered_date": "2024-01-15T09:30:00Z",
    "related_batch": "string",
    "related_product": "string",
    "priority": "LOW|MEDIUM|HIGH|URGENT",
}
CREATE_CAPA = {
    "title": "string",
    "description": "string",
    "priority": "LOW|MEDIUM|HIGH|URGENT",
    "department": "string",
    "target_completion_date": "2024-01-30T09:30:00Z",
    "source_type": "DEVIATION|AUDIT|COMPLAINT|MANUAL",
    "source_id": 1,
}
LISTED_DEVIATION = {
    "id": 1,
    "deviation_number": "DEV-2024-0001",
    "title": "Equipment Calibration Deviation",
    "description": "Equipment found out of calibration during routine check",
    "category": "EQUIPMENT",
    "classification": "MAJOR",
    "department": "Quality Control",
    "status": "OPEN",
    "priority": "HIGH",
    "initiated_by": 5,
    "initiation_date": "2024-01-15T09:30:00Z",
    "due_date": "2024-01-22T09:30:00Z",
}
SHOWN_DEVIATION = {
    **LISTED_DEVIATION,
    "location": "Lab 3",
    "initiated_by": {"id": 5, "username": "john.doe@example.com", "first_name": "John", "last_name": "Doe"},
    "discovered_date": "2024-01-14T14:20:00Z",
    "attachments": [
        {
            "id": 1,
            "file": "https://api.masetra.com/media/deviation_attachments/file.pdf",
            "uploaded_by": 5,
            "uploaded_at": "2024-01-15T10:15:00Z",
        }
    ],
    "investigation": {
        "id": 1,
        "root_cause_analysis": "string",
        "investigation_method": "string",
        "findings": "string",
        "completed_at": "2024-01-18T11:00:00Z",
    },
}


def shaped(shown: Any, example: Any, path: str = "") -> None:
    """Fail unless what is shown has every field of an example, each of its type, down to the last."""
    if isinstance(example, dict):
        assert isinstance(shown, dict), path
        assert example.keys() <= shown.keys(), f"{path} lacks {example.keys() - shown.keys()}"
        for name, one in example.items():
            shaped(shown[name], one, f"{path}.{name}")
    elif isinstance(example, list):
        assert isinstance(shown, list), path
        assert bool(shown) == bool(example), path
        for one in shown:
            shaped(one, example[0], f"{path}[]")
    else:
        assert isinstance(shown, type(example)), f"{path} is {shown!r}"
        if isinstance(example, str) and example.endswith("Z"):
            assert datetime.strptime(shown, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def written_out(example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a request once for each value that the document gives between bars, the rest as it is printed."""
    first = {name: value.partition("|")[0] if isinstance(value, str) else value for name, value in example.items()}
    yield first
    for name, value in example.items():
        for one in str(value).split("|")[1:]:
            yield first | {name: one}


@pytest.fixture(scope="module")
def quality(people: People) -> Client:
    return people("quality_manager")


@pytest.fixture(scope="module")
def shown(people: People) -> dict[str, Any]:
    """A deviation with everything that the document's detail shows."""
    story = Story(people, classification="MAJOR", location="Lab 3", discovered_date="2024-01-14T14:20:00Z").submitted()
    uploaded = people("quality_manager").post(
        f"/api/deviations/{story.id}/attachments/",
        files={"file": ("file.pdf", b"%PDF-1.7", "application/pdf")},
        data={"description": "Optional description"},
    )
    assert uploaded.status_code == 201, uploaded.text
    answer: dict[str, Any] = people("viewer").get(f"/api/deviations/{story.id}/").json()
    return answer


def test_obtain_use_refresh_and_give_up_a_token(product: Product) -> None:
    anybody = product.anonymous()
    given = {"username": "admin", "password": ADMIN_PASSWORD}
    made = anybody.post("/api/auth/token/", json=given)
    assert made.status_code == 200
    user = {"id": 1, "username": "user@example.com", "first_name": "John", "last_name": "Doe"}
    shaped(made.json(), {"access": "jwt_token_string", "refresh": "refresh_token_string", "user": user})
    again = anybody.post("/api/auth/refresh/", json={"refresh": made.json()["refresh"]})
    assert again.status_code == 200
    assert again.json().keys() == {"access"}
    bearer = {"Authorization": f"Bearer {again.json()['access']}"}
    assert anybody.get("/api/deviations/", headers=bearer).status_code == 200
    assert anybody.post("/api/auth/logout/", json={"refresh": made.json()["refresh"]}).status_code == 200
    assert anybody.post("/api/auth/refresh/", json={"refresh": made.json()["refresh"]}).status_code == 401


def test_list_deviations_with_every_parameter(quality: Client, people: People) -> None:
    department = f"Document {secrets.token_hex(4)}"
    for _ in range(2):
        Story(people, department=department)
    day = datetime.now(UTC).date()
    asked: dict[str, Any] = {
        "page": 1,
        "limit": 1,
        "status": "OPEN",
        "department": department,
        "date_from": (day - timedelta(days=1)).isoformat(),
        "date_to": (day + timedelta(days=1)).isoformat(),
    }
    answer = quality.get("/v1/deviations/", params=asked)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert page.keys() == {"count", "next", "previous", "results"}
    assert (page["count"], page["previous"]) == (2, None)
    assert httpx.URL(page["next"]).path == "/v1/deviations/"
    assert httpx.URL(page["next"]).params["page"] == "2"
    assert page["results"][0].keys() == LISTED_DEVIATION.keys()
    shaped(page["results"], [LISTED_DEVIATION])


@pytest.mark.parametrize("given", list(written_out(CREATE_DEVIATION)), ids=lambda it: "-".join(list(it.values())[2:4]))
def test_create_a_deviation(quality: Client, given: dict[str, Any]) -> None:
    answer = quality.post("/v1/deviations/", json=given)
    assert answer.status_code == 201, answer.text
    assert {name: answer.json()[name] for name in given} == given


def test_get_a_deviation(shown: dict[str, Any], people: People) -> None:
    shaped(shown, SHOWN_DEVIATION)
    assert people("viewer").get(shown["attachments"][0]["file"]).content == b"%PDF-1.7"


def test_update_a_deviation_with_what_was_got(quality: Client, people: People) -> None:
    path = Story(people).path
    record = quality.get(path).json()
    answer = quality.put(path, json={**record, "title": "Another title"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["title"] == "Another title"


def test_delete_a_deviation(quality: Client, people: People) -> None:
    path = Story(people).path
    answer = quality.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert quality.get(path).status_code == 404


@pytest.mark.parametrize(
    "given", list(written_out(CREATE_CAPA)), ids=lambda it: f"{it['priority']}-{it['source_type']}"
)
def test_create_get_list_update_and_delete_a_capa(quality: Client, people: People, given: dict[str, Any]) -> None:
    if given["source_type"] == "DEVIATION":
        given = {**given, "source_id": Story(people).id}
    made = quality.post("/v1/capas/", json=given)
    assert made.status_code == 201, made.text
    assert {name: made.json()[name] for name in given} == given
    path = f"/v1/capas/{made.json()['id']}/"
    assert quality.get(path).json() == made.json()
    listed = quality.get("/v1/capas/").json()
    assert listed.keys() == {"count", "next", "previous", "results"}
    assert made.json()["id"] in [one["id"] for one in listed["results"]]
    changed = quality.put(path, json={**made.json(), "title": "Another title"})
    assert (changed.status_code, changed.json()["title"]) == (200, "Another title")
    assert quality.delete(path).status_code == 204
    assert quality.get(path).status_code == 404


def test_list_create_get_update_and_delete_a_user(people: People) -> None:
    admin = people("administrator")
    given = {"username": f"{secrets.token_hex(5)}@example.com", "password": "a-good-password", "first_name": "John"}
    made = admin.post("/v1/users/", json=given)
    assert made.status_code == 201, made.text
    path = f"/v1/users/{made.json()['id']}/"
    assert admin.get(path).json() == made.json()
    assert admin.get("/v1/users/").json()["count"] >= 1
    changed = admin.put(path, json={**made.json(), "last_name": "Doe"})
    assert (changed.status_code, changed.json()["display_name"]) == (200, "John Doe")
    assert admin.delete(path).status_code == 204
    assert admin.get(path).json()["is_active"] is False


@pytest.mark.parametrize("period", ["daily", "weekly", "monthly", "yearly"])
@pytest.mark.parametrize("report", ["deviations", "capas"])
def test_reports_with_every_parameter(quality: Client, report: str, period: str) -> None:
    asked = {"period": period, "start_date": "2024-01-15", "end_date": "2024-03-15", "department": "Quality Control"}
    answer = quality.get(f"/v1/reports/{report}/", params=asked)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["period"] == period
    assert told["rows"][0].keys() >= {"from", "to", "opened", "closed", "open_at_end", "overdue", "days_to_close"}


def test_dashboard(quality: Client) -> None:
    assert quality.get("/v1/reports/dashboard/").status_code == 200


def test_system_configuration(people: People) -> None:
    admin = people("administrator")
    shown = admin.get("/v1/config/system/")
    assert shown.status_code == 200
    assert admin.put("/v1/config/system/", json=shown.json()).json() == shown.json()


def test_roles(people: People) -> None:
    admin = people("administrator")
    given = {"name": f"Role {secrets.token_hex(4)}", "permissions": ["deviation.read"]}
    made = admin.post("/v1/config/roles/", json=given)
    assert made.status_code == 201, made.text
    assert made.json() == {"id": made.json()["id"], **given}
    listed = admin.get("/v1/config/roles/", params={"limit": 200}).json()
    assert made.json() in listed["results"]


def test_webhook_configuration(people: People) -> None:
    given = {
        "url": "https://your-system.com/webhook",
        "events": ["deviation.created", "capa.closed"],
        "secret": "your_webhook_secret",
    }
    answer = people("quality_manager").post("/v1/webhooks/", json=given)
    assert answer.status_code == 201, answer.text
    assert "secret" not in answer.json()
    assert (answer.json()["url"], answer.json()["events"]) == (given["url"], given["events"])
    assert people("quality_manager").delete(f"/v1/webhooks/{answer.json()['id']}/").status_code == 204


@pytest.mark.parametrize(
    "event",
    [f"{kind}.{what}" for kind in ("deviation", "capa") for what in ("created", "updated", "closed", "approved")],
)
def test_every_event_can_be_subscribed_to(people: People, event: str) -> None:
    quality = people("quality_manager")
    given = {"url": "https://your-system.com/webhook", "events": [event], "secret": "your_webhook_secret"}
    answer = quality.post("/v1/webhooks/", json=given)
    assert answer.status_code == 201, answer.text
    assert quality.delete(f"/v1/webhooks/{answer.json()['id']}/").status_code == 204


def test_the_form_of_errors(quality: Client) -> None:
    given = {name: next(written_out(CREATE_DEVIATION))[name] for name in CREATE_DEVIATION if name != "title"}
    answer = quality.post("/v1/deviations/", json=given)
    assert answer.status_code == 400
    assert answer.json() == {
        "status": "error",
        "error": {
            "code": "VALIDATION_ERROR",
            "message": "The request data is invalid",
            "details": [{"field": "title", "message": "This field is required."}],
        },
    }


def test_the_example_in_python(product: Product, people: People) -> None:
    """The client library's example: what it sends, to the base URL that it is given."""
    token = people("user").headers["Authorization"]
    with httpx.Client(base_url=f"{product.base}/v1/", headers={"Authorization": token}, trust_env=False) as client:
        answer = client.post(
            "deviations/",
            json={
                "title": "Test Deviation",
                "description": "Sample deviation for testing",
                "category": "PROCEDURAL",
                "classification": "MINOR",
                "department": "Quality Assurance",
            },
        )
    assert answer.status_code == 201, answer.text
    assert answer.json()["deviation_number"].startswith("DEV-")
