"""CAPAs on their way, as the API's tests need them."""

from typing import Any

import httpx

from tests.api.stories import signed
from tests.support.product import Client, People

KNOWN = {"root_cause_analysis": "Nobody looks at seals.", "impact_assessment": "Every batch of line 4."}
PLANNED = {"kind": "PREVENTIVE", "description": "Look at seals each month.", "due_date": "2026-03-01T09:30:00Z"}


def capa(**changes: Any) -> dict[str, Any]:
    """Return a CAPA to open."""
    return {"title": "Seals", "description": "They wear.", "department": "Stories", **changes}


def opened(client: Client, **changes: Any) -> dict[str, Any]:
    """Open a CAPA."""
    answer = client.post("/api/capas/", json=capa(**changes))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


class CapaStory:
    """One CAPA, moved on by whoever may: opened by a quality manager, owned by a qa_specialist."""

    def __init__(self, people: People, **changes: Any) -> None:
        """Open it."""
        self.people = people
        self.manager, self.owner = people("quality_manager"), people("qa_specialist")
        self.record = opened(self.manager, **changes)
        self.id: int = self.record["id"]
        self.path = f"/api/capas/{self.id}/"
        self.actions = f"{self.path}actions/"

    def fire(self, role: str, transition: str, **given: Any) -> httpx.Response:
        """Ask for a transition."""
        return self.people(role).post(f"{self.path}transition/", json={"transition": transition, **given})

    def fired(self, role: str, transition: str, **given: Any) -> "CapaStory":
        """Fire a transition that succeeds."""
        answer = self.fire(role, transition, **given)
        assert answer.status_code == 200, answer.text
        self.record = answer.json()
        return self

    def signed(self, role: str, transition: str, **given: Any) -> "CapaStory":
        """Fire a transition that is signed."""
        return self.fired(role, transition, signature=signed(role), **given)

    def put(self, **given: Any) -> "CapaStory":
        """Have the owner write something down."""
        answer = self.owner.put(self.path, json=given)
        assert answer.status_code == 200, answer.text
        self.record = answer.json()
        return self

    def owned(self) -> "CapaStory":
        """… by a qa_specialist."""
        return self.fired("quality_manager", "assign_owner", owner=self.people.id("qa_specialist"))

    def planning(self) -> "CapaStory":
        """… and known what is behind it."""
        self.owned().fired("qa_specialist", "start_investigation").put(**KNOWN)
        return self.fired("qa_specialist", "plan_actions")

    def planned(self, **changes: Any) -> dict[str, Any]:
        """Plan an action."""
        given = {**PLANNED, "owner": self.people.id("user"), **changes}
        answer = self.owner.post(self.actions, json=given)
        assert answer.status_code == 201, answer.text
        action: dict[str, Any] = answer.json()
        return action

    def implementing(self) -> "CapaStory":
        """… and agreed to what is to be done."""
        self.planning().planned()
        return self.signed("quality_manager", "start_implementation")

    def checking(self) -> "CapaStory":
        """… and done."""
        (action,) = self.implementing().record["actions"]
        answer = self.people("user").patch(f"{self.actions}{action['id']}/", json={"done": True})
        assert answer.status_code == 200, answer.text
        return self.fired("qa_specialist", "verify_effectiveness")

    def closed(self) -> "CapaStory":
        """… and effective."""
        self.checking().put(verification_result="No seal was worn for a month.")
        return self.signed("quality_manager", "approve").signed("quality_manager", "close")

    def history(self) -> list[dict[str, Any]]:
        """Return the first page of its history."""
        entries: list[dict[str, Any]] = self.people("viewer").get(f"{self.path}history/").json()["results"]
        return entries


def listed_capas(people: People, role: str = "viewer", **params: Any) -> list[int]:
    """Return the ids on the first page that a list narrows to."""
    answer = people(role).get("/api/capas/", params=params)
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()["results"]]
