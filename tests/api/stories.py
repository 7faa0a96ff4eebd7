"""Deviations on their way, as the API's tests need them."""

from typing import Any

import httpx

from tests.support.product import Client, People

FOUND = {"root_cause_analysis": "Worn seal.", "investigation_method": "FIVE_WHYS", "findings": "Seal replaced."}


def body(**changes: Any) -> dict[str, Any]:
    """Return a deviation to report."""
    return {
        "title": "Wrong label",
        "description": "Seen on line 4.",
        "category": "EQUIPMENT",
        "classification": "MINOR",
        "department": "Stories",
        **changes,
    }


def report(client: Client, **changes: Any) -> dict[str, Any]:
    """Report a deviation."""
    answer = client.post("/api/deviations/", json=body(**changes))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def signed(role: str, meaning: str = "I have read it and agree.") -> dict[str, str]:
    """Return the signature of a user with a role."""
    return {"password": People.password(role), "meaning": meaning}


def fire(client: Client, number: int, transition: str, **given: Any) -> httpx.Response:
    """Ask for a transition."""
    return client.post(f"/api/deviations/{number}/transition/", json={"transition": transition, **given})


def fired(client: Client, number: int, transition: str, **given: Any) -> dict[str, Any]:
    """Fire a transition that succeeds."""
    answer = fire(client, number, transition, **given)
    assert answer.status_code == 200, answer.text
    after: dict[str, Any] = answer.json()
    return after


def faults(answer: httpx.Response) -> dict[str, str]:
    """Return the faults of a refused request, by field."""
    assert answer.status_code == 400, answer.text
    return {it["field"]: it["message"] for it in answer.json()["error"]["details"]}


def message(answer: httpx.Response) -> str:
    """Return what a refusal says."""
    says: str = answer.json()["error"]["message"]
    return says


class Story:
    """One deviation, moved on by whoever may."""

    def __init__(self, people: People, classification: str = "MINOR", **changes: Any) -> None:
        """Report it."""
        self.people = people
        self.record = report(people("user"), classification=classification, **changes)
        self.id: int = self.record["id"]
        self.path = f"/api/deviations/{self.id}/"

    def assigned(self) -> "Story":
        """… to a qa_specialist."""
        self.record = fired(
            self.people("quality_manager"), self.id, "assign_investigator", investigator=self.people.id("qa_specialist")
        )
        return self

    def investigated(self) -> "Story":
        """… and written down."""
        answer = self.assigned().people("qa_specialist").put(f"{self.path}investigation/", json=FOUND)
        assert answer.status_code == 200, answer.text
        return self

    def submitted(self) -> "Story":
        """… and waiting for the department."""
        self.record = fired(self.investigated().people("qa_specialist"), self.id, "submit_investigation")
        return self

    def approved(self) -> "Story":
        """… by everybody in its chain."""
        self.submitted()
        for status, transition, role in (
            ("PENDING_DEPARTMENT_REVIEW", "approve_department", "department_head"),
            ("PENDING_QA_REVIEW", "approve_qa", "quality_manager"),
            ("PENDING_MANAGEMENT_APPROVAL", "approve", "management"),
        ):
            if self.record["status"] == status:
                self.record = fired(self.people(role), self.id, transition, signature=signed(role))
        assert self.record["status"] == "APPROVED"
        return self

    def closed(self) -> "Story":
        """… and done."""
        self.record = fired(
            self.approved().people("quality_manager"), self.id, "close", signature=signed("quality_manager")
        )
        return self

    def history(self) -> list[dict[str, Any]]:
        """Return the first page of its history."""
        entries: list[dict[str, Any]] = self.people("viewer").get(f"{self.path}history/").json()["results"]
        return entries


def listed(people: People, role: str = "viewer", **params: Any) -> list[int]:
    """Return the ids on the first page that a list narrows to."""
    answer = people(role).get("/api/deviations/", params=params)
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()["results"]]
