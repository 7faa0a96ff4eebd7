"""Files of a record: who may attach them, where they show, and how they are taken off."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from tests.api.accounts import account
from tests.api.capa_stories import CapaStory
from tests.api.files import PDF, attach, attached, configured, stored
from tests.api.stories import Story, faults, fired, message, report
from tests.support.product import People, Product


def test_an_attached_file_is_shown_wherever_its_record_is(people: People) -> None:
    story = Story(people)
    made = attached(people("user"), story.path, description="  The fridge of lab 3\r\nof May ")
    assert made == {
        "id": made["id"],
        "file": made["file"],
        "name": "log.pdf",
        "description": "The fridge of lab 3\nof May",
        "content_type": "application/pdf",
        "size": len(PDF),
        "sha256": sha256(PDF).hexdigest(),
        "uploaded_by": people.id("user"),
        "uploaded_at": made["uploaded_at"],
    }
    viewer = people("viewer")
    assert viewer.get(story.path).json()["attachments"] == [made]
    listed = viewer.get(f"{story.path}attachments/").json()
    assert listed == {"count": 1, "next": None, "previous": None, "results": [made]}
    alone = viewer.get(f"{story.path}attachments/{made['id']}/")
    assert alone.json() == made
    assert viewer.get(f"{story.path}attachments/{made['id']}/", headers={"If-None-Match": alone.headers["ETag"]})
    assert viewer.get(made["file"]).content == PDF


def test_a_capas_files_are_like_a_deviations(people: People) -> None:
    story = CapaStory(people).owned()
    made = attached(story.owner, story.path)
    assert "/media/capa_attachments/" in made["file"]
    assert people("viewer").get(made["file"]).content == PDF
    assert people("viewer").get(story.path).json()["attachments"] == [made]
    assert people("viewer").get(made["file"].replace("capa_", "deviation_")).status_code == 404
    answer = story.manager.delete(f"{story.path}attachments/{made['id']}/", params={"reason": "the wrong one"})
    assert answer.status_code == 204
    assert people("viewer").get(made["file"]).status_code == 404


def test_files_are_listed_in_the_order_in_which_they_came_in_pages(people: People) -> None:
    story = Story(people)
    names = [attached(people("user"), story.path, name=f"{number}.pdf")["name"] for number in range(5)]
    page = people("viewer").get(f"{story.path}attachments/", params={"limit": 2, "page": 2}).json()
    assert ([file["name"] for file in page["results"]], page["count"]) == (names[2:4], 5)
    assert [it["name"] for it in people("viewer").get(page["next"]).json()["results"]] == names[4:]


@pytest.mark.parametrize("role", ["user", "qa_specialist", "quality_manager"])
def test_whoever_takes_part_attaches_and_takes_off(people: People, role: str) -> None:
    story = Story(people).assigned()
    made = attached(people(role), story.path)
    answer = people(role).delete(f"{story.path}attachments/{made['id']}/", params={"reason": "a copy"})
    assert answer.status_code == 204


@pytest.mark.parametrize("role", ["viewer", "management", "department_head"])
def test_who_takes_no_part_attaches_nothing_and_takes_nothing_off(people: People, role: str) -> None:
    story = Story(people)
    made = attached(people("user"), story.path)
    assert attach(people(role), story.path).status_code == 403
    answer = people(role).delete(f"{story.path}attachments/{made['id']}/", params={"reason": "because"})
    assert answer.status_code == 403
    assert attach(people("user", another=1), story.path).status_code == 403


def test_who_may_not_see_the_record_sees_no_files_of_it(people: People, product: Product) -> None:
    story = Story(people)
    made = attached(people("user"), story.path)
    for path in (f"{story.path}attachments/", f"{story.path}attachments/{made['id']}/", made["file"]):
        assert people("operator").get(path).status_code == 404
        assert product.anonymous().get(path).status_code == 401
    assert attach(people("operator"), story.path).status_code == 404
    assert attach(product.anonymous(), story.path).status_code == 401


def test_where_there_is_no_record_or_no_such_file_there_is_nothing(people: People) -> None:
    story, other = Story(people), Story(people)
    made = attached(people("user"), story.path)
    for number in (made["id"] + 1, 2**63, 0):
        assert people("viewer").get(f"{story.path}attachments/{number}/").status_code == 404
    assert people("viewer").get(f"{other.path}attachments/{made['id']}/").status_code == 404
    assert attach(people("user"), "/api/deviations/999999/").status_code == 404
    assert people("viewer").get(f"/media/deviation_attachments/{other.id}/{made['id']}/log.pdf").status_code == 404


def test_a_cancelled_record_has_no_files_any_more(people: People) -> None:
    story = Story(people)
    made = attached(people("user"), story.path)
    fired(people("quality_manager"), story.id, "cancel", reason="none at all")
    assert people("viewer").get(made["file"]).status_code == 404
    assert attach(people("user"), story.path).status_code == 404


def test_what_is_decided_takes_no_more_files_and_keeps_those_it_has(people: People) -> None:
    story = Story(people)
    made = attached(people("user"), story.path)
    story.approved()
    answer = attach(people("quality_manager"), story.path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
    answer = people("quality_manager").delete(f"{story.path}attachments/{made['id']}/", params={"reason": "because"})
    assert answer.status_code == 409
    assert people("viewer").get(made["file"]).content == PDF


def test_a_file_is_attached_to_the_version_that_if_match_names(people: People) -> None:
    story = Story(people)
    tag = people("viewer").get(story.path).headers["ETag"]
    assert attach(people("user"), story.path, headers={"If-Match": tag}).status_code == 201
    answer = people("user").post(f"{story.path}attachments/", content=b"no form at all", headers={"If-Match": tag})
    assert answer.status_code == 412
    assert people("viewer").get(f"{story.path}attachments/").json()["count"] == 1


def test_who_may_not_is_told_so_before_anything_of_the_body(people: People) -> None:
    story = Story(people)
    assert people("viewer").post(f"{story.path}attachments/", content=b"no form at all").status_code == 403


def test_taking_a_file_off_needs_a_reason(people: People) -> None:
    story = Story(people)
    path = f"{story.path}attachments/{attached(people('user'), story.path)['id']}/"
    assert faults(people("user").delete(path)) == {"reason": "This field is required."}
    assert people("user").request("DELETE", path, json={"reason": "the wrong one"}).status_code == 204


def test_a_file_that_was_taken_off_is_gone_for_clients_and_kept_for_the_record(
    people: People, product: Product
) -> None:
    story = Story(people)
    made = attached(people("user"), story.path)
    path = f"{story.path}attachments/{made['id']}/"
    assert people("user").delete(path, params={"reason": "the wrong one"}).status_code == 204
    for gone in (path, made["file"]):
        assert people("viewer").get(gone).status_code == 404
    assert people("viewer").get(story.path).json()["attachments"] == []
    assert people("user").delete(path, params={"reason": "again"}).status_code == 404
    assert sha256(PDF).hexdigest() in {sha256(file.read_bytes()).hexdigest() for file in stored(product)}


def test_the_history_tells_what_was_attached_and_taken_off_and_never_the_key(people: People) -> None:
    story = Story(people)
    number = attached(people("user"), story.path, description="May")["id"]
    people("user").delete(f"{story.path}attachments/{number}/", params={"reason": "the wrong one"})
    added, removed = story.history()[-2:]
    assert added["event"] == "deviation.attachment_added"
    changes = {change["field"]: change["after"] for change in added["changes"]}
    assert changes[f"attachments.{number}.name"] == "log.pdf"
    assert changes[f"attachments.{number}.sha256"] == sha256(PDF).hexdigest()
    assert not [field for field in changes if field.endswith("key")]
    assert (removed["event"], removed["reason"]) == ("deviation.attachment_removed", "the wrong one")
    assert removed["changes"] == [{"field": f"attachments.{number}.removed", "before": False, "after": True}]


def test_a_record_holds_so_many_files_as_are_configured(people: People, product: Product) -> None:
    story = Story(people)
    with configured(product, attachments_per_record=2):
        number = attached(people("user"), story.path)["id"]
        attached(people("user"), story.path)
        answer = attach(people("user"), story.path)
        assert answer.status_code == 409
        assert "at most 2 files" in message(answer)
        people("user").delete(f"{story.path}attachments/{number}/", params={"reason": "to make room"})
        attached(people("user"), story.path)


def test_many_files_at_once_are_all_attached(people: People) -> None:
    story, client = Story(people), people("user")
    contents = [PDF + bytes([number]) * 50_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda content: attached(client, story.path, content), contents))
    shown = people("viewer").get(story.path).json()["attachments"]
    assert sorted(file["id"] for file in made) == [file["id"] for file in shown]
    for file, content in zip(made, contents, strict=True):
        assert people("viewer").get(file["file"]).content == content


def test_the_same_key_and_file_give_the_first_answer_again(people: People, product: Product) -> None:
    story, key = Story(people), {"Idempotency-Key": "attach-once"}
    tag = people("viewer").get(story.path).headers["ETag"]
    first = attach(people("user"), story.path, headers={**key, "If-Match": tag})
    files = len(stored(product))
    again = attach(people("user"), story.path, headers={**key, "If-Match": tag})
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert people("viewer").get(f"{story.path}attachments/").json()["count"] == 1
    assert len(stored(product)) == files


@pytest.mark.parametrize(
    "other", [{"content": PDF + b"."}, {"name": "other.pdf"}, {"description": "another"}, {"media_type": "text/plain"}]
)
def test_the_same_key_with_another_file_is_refused(people: People, other: dict[str, str]) -> None:
    story = Story(people)
    key = {"Idempotency-Key": f"attach-another-{story.id}"}
    given = {"name": "no-suffix", **other}
    assert attach(people("user"), story.path, headers=key, name="no-suffix").status_code == 201
    answer = attach(people("user"), story.path, headers=key, **given)
    assert answer.status_code == 422
    assert people("viewer").get(f"{story.path}attachments/").json()["count"] == 1


def test_who_may_not_attach_any_more_is_not_answered_again(people: People) -> None:
    story, key = Story(people), {"Idempotency-Key": "attach-and-cancel"}
    assert attach(people("user"), story.path, headers=key).status_code == 201
    fired(people("quality_manager"), story.id, "cancel", reason="none at all")
    answer = people("user").post(f"{story.path}attachments/", content=b"no form at all", headers=key)
    assert answer.status_code == 404


def test_a_key_that_was_refused_can_be_used(people: People) -> None:
    story, key = Story(people), {"Idempotency-Key": "attach-in-the-end"}
    assert attach(people("user"), story.path, name="run.exe", headers=key).status_code == 415
    assert attach(people("user"), story.path, headers=key).status_code == 201


def test_the_same_key_at_the_same_time_attaches_one_file(people: People) -> None:
    story, client = Story(people), people("user")
    key = {"Idempotency-Key": "attach-at-once"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: attach(client, story.path, headers=key), range(4)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert people("viewer").get(f"{story.path}attachments/").json()["count"] == 1


def test_who_loses_his_rights_while_his_file_comes_attaches_nothing(people: People, product: Product) -> None:
    reporter = account(people, product, roles=["user"])
    it = reporter.signed_in()
    path = f"/api/deviations/{report(it)['id']}/"

    def coming() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.7'
        assert people("administrator").delete(reporter.path).status_code == 204
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert it.post(f"{path}attachments/", content=coming(), headers=headers).status_code == 401
    assert people("viewer").get(path).json()["attachments"] == []
