"""Reviewing the trail: the queue, one event, several at once, and who may not."""

from typing import Any

import httpx
import pytest

from tests.api.stories import Story, faults, message
from tests.api.trails import ask, head, last, told
from tests.support.product import Client, People, Product


def cancelled(product: Product, people: People, role: str = "quality_manager", another: int = 0) -> int:
    """Have somebody cancel a deviation; return the position of that."""
    story = Story(people)
    client = people(role, another=another)
    answer = client.post(f"{story.path}transition/", json={"transition": "cancel", "reason": "A mistake."})
    assert answer.status_code == 200, answer.text
    return int(last(product, people("auditor"), record=f"deviation/{story.id}")["position"])


def take(client: Client, position: int, transition: str, **given: Any) -> httpx.Response:
    """Ask for a step in the review of an event."""
    return client.post(f"/api/audit/{position}/review/", json={"transition": transition, **given})


def take_all(client: Client, items: list[dict[str, Any]], **given: Any) -> httpx.Response:
    """Ask for the reviews of several events."""
    return client.post("/api/audit/reviews/", json={"items": items, **given})


@pytest.fixture
def reviewer(people: People) -> Client:
    return people("quality_manager", another=1)


@pytest.mark.clause("Annex 11 § 9, review")
def test_an_event_of_high_risk_waits_for_its_review_and_is_accepted(
    product: Product, people: People, reviewer: Client
) -> None:
    position = cancelled(product, people)
    before = ask(product, reviewer, f"{position}/").json()
    assert (before["risk"], before["review"]) == ("high", {"status": "PENDING", "by": None, "at": None})
    answer = take(reviewer, position, "accept", comment="Seen.")
    assert answer.json() == {"position": position, "event": "deviation.cancelled", "status": "ACCEPTED", "version": 1}
    after = ask(product, reviewer, f"{position}/").json()["review"]
    assert (after["status"], after["by"]["id"]) == ("ACCEPTED", people.id("quality_manager", another=1))
    recorded = last(product, reviewer, record=f"review/{position}")
    assert (recorded["event"], recorded["position"], recorded["at"]) == (
        "review.accepted",
        int(answer.headers["X-Position"]),
        after["at"],
    )
    assert recorded["comment"] == "Seen."


@pytest.mark.clause("Annex 11 § 9, review")
def test_what_is_questioned_stays_in_the_queue_until_it_is_resolved(
    product: Product, people: People, reviewer: Client
) -> None:
    position = cancelled(product, people)
    assert faults(take(reviewer, position, "question")).keys() == {"reason"}
    assert take(reviewer, position, "question", reason="Whose mistake?").json()["status"] == "QUESTIONED"
    of_user = {"user": people.id("quality_manager"), "limit": 200}
    assert position in [it["position"] for it in told(product, reviewer, "queue/", status="QUESTIONED", **of_user)]
    assert take(reviewer, position, "accept").status_code == 409
    assert take(reviewer, position, "resolve", reason="The reporter's.").json()["version"] == 2
    assert position not in [it["position"] for it in told(product, reviewer, "queue/", **of_user)]
    assert take(reviewer, position, "question", reason="Once more").json()["status"] == "QUESTIONED"


@pytest.mark.clause("Annex 11 § 9, review", negative=True)
def test_nobody_reviews_what_he_did_himself_not_even_an_administrator(product: Product, people: People) -> None:
    for role in ("quality_manager", "administrator"):
        position = cancelled(product, people, role, another=2)
        own = people(role, another=2)
        answer = take(own, position, "accept")
        assert answer.status_code == 409
        assert message(answer) == "Nobody reviews what he did or signed himself, nor what is about him."
        offered = {it["name"]: it for it in own.get(f"/api/audit/{position}/transitions/").json()["transitions"]}
        assert offered["accept"]["why_not"] == [message(answer)]
        other = {it["name"]: it for it in people(role).get(f"/api/audit/{position}/transitions/").json()["transitions"]}
        assert other["accept"]["allowed"]
        assert other["question"]["requires"] == ["reason"]


@pytest.mark.clause("Annex 11 § 9, review", negative=True)
def test_who_only_reads_the_trail_reviews_nothing(product: Product, people: People) -> None:
    position = cancelled(product, people)
    assert take(people("auditor"), position, "accept").status_code == 403
    assert take(people("viewer"), 2**40, "accept").status_code == 404
    assert take_all(people("auditor"), [{"position": position, "status": "ACCEPTED"}]).status_code == 403


def test_a_review_is_not_reviewed(product: Product, people: People, reviewer: Client) -> None:
    position = int(take(reviewer, cancelled(product, people), "accept").headers["X-Position"])
    answer = take(people("administrator"), position, "accept")
    assert answer.status_code == 409
    assert "A review is not reviewed itself." in message(answer)


def test_the_queue_is_by_risk_and_by_waiting_and_walked_through(product: Product, people: People) -> None:
    for _ in range(3):
        cancelled(product, people)
    auditor, found = people("auditor"), list[tuple[int, int]]()
    answer = ask(product, auditor, "queue/", limit=4, cursor="")
    while True:
        page = answer.json()
        found += [(("high", "medium", "low").index(it["risk"]), it["position"]) for it in page["results"]]
        if page["next"] is None or len(found) > 60:
            break
        answer = auditor.get(page["next"])
    assert found == sorted(set(found))
    assert all(rank < 2 for rank, _ in found)


def test_several_are_reviewed_in_one_append(product: Product, people: People, reviewer: Client) -> None:
    one, two = cancelled(product, people), cancelled(product, people)
    before = head(product)
    items = [{"position": one, "status": "ACCEPTED"}, {"position": two, "status": "QUESTIONED", "reason": "Why?"}]
    answer = take_all(reviewer, items, comment="Weekly review")
    assert [(it["position"], it["status"]) for it in answer.json()["results"]] == [
        (one, "ACCEPTED"),
        (two, "QUESTIONED"),
    ]
    assert head(product) == before + 2 == int(answer.headers["X-Position"])
    entries = told(product, people("auditor"), kind="review", limit=2)
    assert [(it["comment"], it["reason"]) for it in entries] == [("Weekly review", "Why?"), ("Weekly review", None)]
    again = take_all(reviewer, items[:1])
    assert (again.status_code, head(product)) == (200, before + 2)
    answer = take_all(reviewer, [{"position": two, "status": "ACCEPTED"}], reason="Because")
    assert answer.json()["results"][0] == {
        "position": two, "event": "deviation.cancelled", "status": "ACCEPTED", "version": 2
    }  # fmt: skip


def test_where_one_of_several_is_refused_each_fault_is_told_and_nothing_is_recorded(
    product: Product, people: People
) -> None:
    own, other = cancelled(product, people), cancelled(product, people, "administrator")
    before = head(product)
    items = [
        {"position": other, "status": "ACCEPTED"},
        {"position": own, "status": "ACCEPTED"},
        {"position": other + 2**40, "status": "ACCEPTED"},
        {"position": other - 1, "status": "QUESTIONED"},
    ]
    answer = take_all(people("quality_manager"), items)
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert [(it["index"], it["id"], it["code"]) for it in error["details"]] == [
        (1, own, "CONFLICT"),
        (2, other + 2**40, "RESOURCE_NOT_FOUND"),
        (3, other - 1, "VALIDATION_ERROR"),
    ]
    assert error["details"][0]["field"] == "items.1"
    assert "reason" in error["details"][2]["message"]
    assert head(product) == before


def test_an_event_that_is_named_twice_is_a_fault_of_each(product: Product, people: People, reviewer: Client) -> None:
    position = cancelled(product, people)
    answer = take_all(reviewer, [{"position": position, "status": "ACCEPTED"}] * 2)
    assert answer.status_code == 400
    assert [it["index"] for it in answer.json()["error"]["details"]] == [0, 1]


@pytest.mark.parametrize("items", [[], [{"position": 1, "status": "PENDING"}], [{"status": "ACCEPTED"}]])
def test_what_is_no_review_is_refused(reviewer: Client, items: list[dict[str, Any]]) -> None:
    assert take_all(reviewer, items).status_code == 400


def test_the_same_request_under_a_key_is_answered_as_before(product: Product, people: People, reviewer: Client) -> None:
    position = cancelled(product, people)
    headers = {"Idempotency-Key": f"review-{position}"}
    given = {"json": {"transition": "accept"}, "headers": headers}
    first = reviewer.post(f"/api/audit/{position}/review/", **given)
    again = reviewer.post(f"/api/audit/{position}/review/", **given)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"


def test_an_unknown_step_is_refused_naming_those_that_there_are(
    product: Product, people: People, reviewer: Client
) -> None:
    says = faults(take(reviewer, cancelled(product, people), "bless"))["transition"]
    assert says.endswith("There are: accept, question, resolve.")
