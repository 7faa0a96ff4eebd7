"""Files of a record: what is recorded, how it folds, and what keeps one from being attached."""

import pytest
from msgspec.structs import replace

from domain.errors import Conflict, InvalidInput, NotFound, UnsupportedMedia
from domain.events import Recorded
from domain.quality.attaching import NewFile, attach, attached, check_room, detach
from domain.quality.attachments import present
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation
from domain.quality.media_types import media_type_of
from domain.quality.public import public_name
from tests.domain.deviations import FILE, REPORTER, deviation
from tests.domain.people import NOW, STREAM, attempt

NEW = NewFile(**FILE)


def with_file(it: Deviation, number: int = 1) -> Deviation:
    """A deviation that one more file is attached to."""
    fact = replace(attach(DEVIATIONS, it, attempt(it, REPORTER), NEW, 100), attachment_id=number)
    return DEVIATIONS.evolve(it, Recorded(it.version + 1, STREAM, it.version + 1, NOW, fact))


def without_file(it: Deviation, number: int = 1) -> Deviation:
    """A deviation that a file was taken off."""
    fact = detach(DEVIATIONS, it, attempt(it, REPORTER), number)
    return DEVIATIONS.evolve(it, Recorded(it.version + 1, STREAM, it.version + 1, NOW, fact))


def test_what_is_attached_is_known_with_who_and_when() -> None:
    (file,) = with_file(deviation()).attachments
    assert (file.id, file.name, file.sha256, file.uploaded_by, file.uploaded_at) == (
        1, "log.pdf", FILE["sha256"], REPORTER.id, NOW,
    )  # fmt: skip


def test_what_is_taken_off_stays_known_and_is_present_no_more() -> None:
    it = without_file(with_file(with_file(deviation()), 2))
    assert [file.removed for file in it.attachments] == [True, False]
    assert [file.id for file in present(it.attachments)] == [2]
    with pytest.raises(NotFound):
        attached(it, 1)
    with pytest.raises(NotFound):
        detach(DEVIATIONS, it, attempt(it, REPORTER), 1)


def test_taking_a_file_off_needs_a_reason() -> None:
    it = with_file(deviation())
    with pytest.raises(InvalidInput, match="invalid"):
        detach(DEVIATIONS, it, attempt(it, REPORTER, reason=None), 1)


def test_more_files_than_there_may_be_are_refused_and_those_that_are_gone_do_not_count() -> None:
    it = with_file(with_file(deviation()), 2)
    who = attempt(it, REPORTER)
    check_room(DEVIATIONS, it, who, 3)
    for refused in (
        lambda: check_room(DEVIATIONS, it, who, 2),
        lambda: attach(DEVIATIONS, it, who, NEW, 2),
    ):
        with pytest.raises(Conflict, match="at most 2 files"):
            refused()
    check_room(DEVIATIONS, without_file(it), who, 2)


def test_every_rule_that_keeps_a_file_out_is_told() -> None:
    it = replace(with_file(deviation()), status="CLOSED")
    with pytest.raises(Conflict) as refused:
        check_room(DEVIATIONS, it, attempt(it, REPORTER), 1)
    assert len(refused.value.reasons) == 2


def test_subscribers_are_told_of_files_as_of_an_update() -> None:
    it = with_file(deviation())
    assert public_name(attach(DEVIATIONS, it, attempt(it, REPORTER), NEW, 100)) == "deviation.updated"
    assert public_name(detach(DEVIATIONS, it, attempt(it, REPORTER), 1)) == "deviation.updated"


def test_a_type_is_that_of_the_suffix_where_that_is_known() -> None:
    allowed = {"application/pdf", "text/plain", "text/csv", "chemical/x-pdb"}
    assert media_type_of("a.pdf", "text/plain", allowed) == "application/pdf"
    assert media_type_of("a.csv", "", allowed) == "text/csv"
    assert media_type_of("a.pdb", "chemical/x-pdb", allowed) == "chemical/x-pdb"
    assert media_type_of("a", "", {"application/octet-stream"}) == "application/octet-stream"
    for name, declared in (("a.exe", "text/plain"), ("a.pdf", "text/html"), ("a", ""), ("a.html", "text/plain")):
        with pytest.raises(UnsupportedMedia):
            media_type_of(name, declared, allowed)
