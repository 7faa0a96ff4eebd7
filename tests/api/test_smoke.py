"""The product answers."""

from tests.support.product import People, Product


def test_a_reporter_finds_the_report_in_the_list_at_once(product: Product, people: People) -> None:
    given = {
        "title": "T",
        "description": "D",
        "category": "OTHER",
        "classification": "MINOR",
        "department": "smoke",
    }
    made = people("user").post("/api/deviations/", json=given)
    assert made.status_code == 201
    found = people("viewer").get("/api/deviations/", params={"department": "smoke"}).json()
    assert [it["id"] for it in found["results"]] == [made.json()["id"]]
