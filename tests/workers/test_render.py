"""What subscribers are told of a fact: the record as it was left, who did it, and where it moved."""

from typing import Any

import msgspec

from domain.events import Recorded
from domain.quality.deviation import DEVIATIONS
from projections.capa_views import CapaDetail
from projections.deviation_views import DeviationDetail
from projections.links import CapaRef, SourceRef
from tests.domain import capas, deviations
from tests.domain.people import attempt
from workers.webhooks.render import body_of, name_of, people_of


def told(events: list[Recorded], record: Any, beside: Any) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(body_of(events[-1], record, {}, beside))
    assert body["event"] == name_of(events[-1].event)
    return body


def names(detail: type[msgspec.Struct]) -> set[str]:
    return set(detail.__struct_fields__)


def test_a_capa_is_told_of_as_its_detail_shows_it() -> None:
    story = capas.Story(source_type="DEVIATION", source_id=3).approved()
    source = SourceRef("DEVIATION", 3, "DEV-2026-0003", "Wrong label", "CLOSED")
    data = told(story.events, story.it, source)["data"]
    assert data.keys() == names(CapaDetail) | {"changed_by", "old_status", "new_status"}
    assert data["source"] == msgspec.to_builtins(source)
    assert (data["source_type"], data["source_id"], data["status"]) == ("DEVIATION", 3, "APPROVED")
    assert (data["old_status"], data["new_status"]) == ("EFFECTIVENESS_CHECK", "APPROVED")
    assert [action["done"] for action in data["actions"]] == [True]


def test_the_facts_of_a_capa_are_told_under_four_names() -> None:
    story = capas.Story().approved()
    story.fire("close", capas.MANAGER)
    found = {name_of(it.event) for it in story.events}
    assert found == {"capa.created", "capa.updated", "capa.approved", "capa.closed"}


def test_a_deviation_is_told_of_as_its_detail_shows_it() -> None:
    story = deviations.Story()
    capa = CapaRef(2, "CAPA-2026-0002", "Retrain the line", "INITIATED")
    data = told(story.events, story.it, (capa,))["data"]
    assert data.keys() == names(DeviationDetail) | {"changed_by"}
    assert data["capas"] == [msgspec.to_builtins(capa)]


def test_an_edit_moves_nothing() -> None:
    story = capas.Story()
    story.edit(capas.MANAGER, title="New")
    data = told(story.events, story.it, None)["data"]
    assert data["title"] == "New"
    assert "new_status" not in data


def test_a_file_is_told_of_with_a_link_that_leads_to_it() -> None:
    story = deviations.Story()
    step = DEVIATIONS.step("attach")
    story.record(DEVIATIONS.decide(step, story.it, attempt(story.it, deviations.REPORTER), deviations.FILE))
    for base in ("", "https://quality.example.com"):
        (file,) = msgspec.json.decode(body_of(story.events[-1], story.it, {}, (), base))["data"]["attachments"]
        assert file["file"] == f"{base}/media/deviation_attachments/{story.it.id}/{file['id']}/log.pdf"
        assert file["name"] == "log.pdf"


def test_everybody_named_in_a_message_is_looked_up() -> None:
    story = capas.Story()
    story.fire("assign_owner", capas.MANAGER)
    assert people_of(story.events[-1], story.it) == {capas.OPENER.id, capas.OWNER.id, capas.MANAGER.id}
