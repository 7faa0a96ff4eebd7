"""Webhooks and what they are told, as the API's tests need them."""

from typing import Any

from tests.api.stories import report
from tests.support.product import Client, until

PATH = "/api/webhooks/"


def hook(**changes: Any) -> dict[str, Any]:
    """Return a webhook to make."""
    given = {"url": "https://hooks.example.com/in", "events": ["deviation.created"], "secret": "a client's secret"}
    return {**given, **changes}


class Hook:
    """One webhook, and the log of what it is told."""

    def __init__(self, client: Client, **changes: Any) -> None:
        """Make it."""
        self.client = client
        answer = client.post(PATH, json=hook(**changes))
        assert answer.status_code == 201, answer.text
        self.made: dict[str, Any] = answer.json()
        self.id: int = self.made["id"]
        self.path = f"{PATH}{self.id}/"
        self.log = f"{self.path}deliveries/"

    def change(self, **changes: Any) -> dict[str, Any]:
        """Change it."""
        answer = self.client.put(self.path, json=changes)
        assert answer.status_code == 200, answer.text
        changed: dict[str, Any] = answer.json()
        return changed

    def shown(self) -> dict[str, Any]:
        """Look at it."""
        it: dict[str, Any] = self.client.get(self.path).json()
        return it

    def deliveries(self, **params: Any) -> list[dict[str, Any]]:
        """Return the first page of its log."""
        answer = self.client.get(self.log, params=params)
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    def settled(self, count: int, state: str = "delivered") -> list[dict[str, Any]]:
        """Wait until so many of its deliveries are in a state, and return them."""
        found: list[dict[str, Any]] = until(
            lambda: (log := self.deliveries(state=state)) and len(log) >= count and log, says=f"{count} {state}"
        )
        return found

    def told(self, reporter: Client, count: int = 1) -> list[dict[str, Any]]:
        """Have it told of so many new deviations, and return the log, oldest first."""
        before = len(self.deliveries(state="delivered"))
        for _ in range(count):
            report(reporter)
        return self.settled(before + count)[::-1]

    def again(self, **given: Any) -> int:
        """Ask for a window of time again."""
        answer = self.client.post(f"{self.path}redeliver/", json=given)
        assert answer.status_code == 202, answer.text
        count: int = answer.json()["count"]
        return count
