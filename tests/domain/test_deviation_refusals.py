"""What is refused, in which order, and in which words."""

from typing import Any

import pytest
from msgspec.structs import replace

from domain.errors import Conflict, Denied, InvalidInput
from domain.events import Attempt
from domain.quality.config import DEFAULT
from domain.quality.deviation import DEVIATIONS, report, revise
from tests.domain.deviations import DATA, MANAGER, PEOPLE, REPORT, REPORTER, deviation
from tests.domain.people import attempt, signature

ENVELOPE = ("actor", "source", "request", "correlation", "causation", "from_state", "to_state", "signature")


def faults(refused: pytest.ExceptionInfo[InvalidInput]) -> dict[str, str]:
    return {fault.field: fault.message for fault in refused.value.faults}


def test_who_may_not_is_told_so_before_anything_else_is_looked_at() -> None:
    it = deviation("OPEN")
    with pytest.raises(Denied, match=r"^Reopen: only a quality manager.$"):
        DEVIATIONS.decide(DEVIATIONS.step("reopen"), it, Attempt(actor=PEOPLE["viewer"]), {"strange": 1})


def test_what_is_faulty_is_told_before_what_the_state_refuses() -> None:
    it = deviation("OPEN")
    with pytest.raises(InvalidInput) as refused:
        DEVIATIONS.decide(DEVIATIONS.step("reopen"), it, Attempt(actor=MANAGER), {"strange": 1})
    assert faults(refused) == {
        "reason": "This field is required.",
        "signature": "This field is required.",
        "strange": "This step does not take this field.",
    }


def test_what_the_state_refuses_is_told_last_and_names_where_it_is_possible() -> None:
    it = deviation("OPEN")
    with pytest.raises(Conflict, match=r"^Reopen is not possible in OPEN, only in CLOSED.$"):
        DEVIATIONS.decide(DEVIATIONS.step("reopen"), it, attempt(it, MANAGER), {})


def test_every_guard_that_refuses_is_named() -> None:
    it = deviation("PENDING_MANAGEMENT_APPROVAL", investigator=6, initiated_by=6, approvals=(6,))
    with pytest.raises(Conflict) as refused:
        DEVIATIONS.decide(DEVIATIONS.step("approve"), it, attempt(it, PEOPLE["management"]), {})
    assert refused.value.reasons == (
        "The investigator can not approve the own investigation.",
        "Who reported the deviation can not give the last approval.",
        "The approvals of one round come from different people.",
    )


@pytest.mark.parametrize("blank", [None, "", "  \n"])
def test_a_reason_of_nothing_is_none(blank: str | None) -> None:
    it = deviation("OPEN")
    with pytest.raises(InvalidInput) as refused:
        DEVIATIONS.decide(DEVIATIONS.step("cancel"), it, attempt(it, MANAGER, reason=blank), {})
    assert list(faults(refused)) == ["reason"]


@pytest.mark.parametrize("name", [*ENVELOPE, "comment", "reason"])
def test_data_never_sets_the_envelope(name: str) -> None:
    it = deviation("OPEN")
    with pytest.raises(InvalidInput) as refused:
        DEVIATIONS.decide(DEVIATIONS.step("cancel"), it, attempt(it, MANAGER), {name: "forged"})
    assert list(faults(refused)) == [name]


@pytest.mark.parametrize("wrong", ["7", 7.5, True, [7], {}])
def test_a_value_of_the_wrong_type_is_a_fault(wrong: Any) -> None:
    it = deviation("OPEN")
    with pytest.raises(InvalidInput) as refused:
        DEVIATIONS.decide(DEVIATIONS.step("assign_investigator"), it, attempt(it, MANAGER), {"investigator": wrong})
    assert list(faults(refused)) == ["investigator"]


def test_all_faults_of_a_report_are_told_at_once() -> None:
    data = {"title": " ", "category": "SPELLING", "classification": 3, "priority": "SOON", "colour": "red"}
    with pytest.raises(InvalidInput) as refused:
        report(Attempt(actor=REPORTER), data, DEFAULT)
    assert set(faults(refused)) == {*data, "description", "department"}
    assert faults(refused)["priority"] == "Must be of LOW, MEDIUM, HIGH, URGENT."


def test_who_only_reads_reports_nothing() -> None:
    with pytest.raises(Denied, match=r"^Create: only who may report deviations.$"):
        report(Attempt(actor=PEOPLE["viewer"]), REPORT, DEFAULT)


@pytest.mark.clause("11.10(g)", negative=True)
@pytest.mark.clause("11.100", negative=True)
def test_a_signature_is_of_who_acts() -> None:
    it = deviation("APPROVED")
    with pytest.raises(Denied, match="not of who acts"):
        DEVIATIONS.decide(DEVIATIONS.step("close"), it, attempt(it, MANAGER, signature=signature(it, 99)), {})


def test_a_signature_is_for_the_version_that_it_makes() -> None:
    it = deviation("APPROVED")
    late = signature(replace(it, version=it.version - 1), MANAGER.id)
    with pytest.raises(Denied, match="another version"):
        DEVIATIONS.decide(DEVIATIONS.step("close"), it, attempt(it, MANAGER, signature=late), {})


def test_a_name_that_is_no_transition_is_told_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="invalid") as refused:
        DEVIATIONS.transition("abolish")
    assert "assign_investigator" in faults(refused)["transition"]
    assert "record_investigation" not in faults(refused)["transition"]


@pytest.mark.parametrize("edit", ["edit", "classify", "record_investigation"])
def test_an_edit_is_no_transition(edit: str) -> None:
    with pytest.raises(InvalidInput):
        DEVIATIONS.transition(edit)


def test_a_change_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput):
        revise(deviation(), Attempt(actor=MANAGER), {}, DEFAULT)


def test_an_offer_says_every_reason_why_not_and_what_would_be_asked() -> None:
    offers = {offer.name: offer for offer in DEVIATIONS.offers(deviation("CLOSED"), PEOPLE["viewer"])}
    assert offers["cancel"].why_not == (
        "Cancel is not possible in CLOSED, only in OPEN, UNDER_INVESTIGATION, INFORMATION_REQUESTED.",
        "Cancel: only a quality manager.",
    )
    assert offers["reopen"].why_not == ("Reopen: only a quality manager.",)
    assert offers["reopen"].requires == ("reason", "signature")
    assert offers["approve_qa"].label == "Approve QA"


def test_the_data_of_every_step_are_those_that_the_step_takes() -> None:
    assert DATA.keys() <= {step.trigger for step in DEVIATIONS.steps}
