"""Deviations of the tests: a record in any state with nothing in the way, and a story told step by step."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from domain.events import Actor, Attempt, Event, Recorded
from domain.quality.config import DEFAULT, QualityConfig
from domain.quality.deviation import DEVIATIONS, advance, record_findings, report
from domain.quality.deviation_facts import Deviation, Investigation
from tests.domain.people import NOW, STREAM, actor, attempt

PEOPLE = {
    "administrator": actor(1, "administrator"),
    "quality_manager": actor(2, "quality_manager"),
    "head_of_lab": actor(3, "department_head", department="Lab"),
    "head_of_plant": actor(4, "department_head", department="Plant"),
    "head_of_everything": actor(5, "department_head"),
    "management": actor(6, "management"),
    "investigator": actor(7, "qa_specialist"),
    "another_specialist": actor(8, "qa_specialist"),
    "reporter": actor(9, "user"),
    "another_user": actor(10, "user"),
    "viewer": actor(11, "viewer"),
    "auditor": actor(12, "auditor"),
    "operator": actor(13, "operator"),
    "nobody": actor(14),
}
REPORTER, MANAGER, INVESTIGATOR = PEOPLE["reporter"], PEOPLE["quality_manager"], PEOPLE["investigator"]
HEAD, TOP, ADMINISTRATOR = PEOPLE["head_of_lab"], PEOPLE["management"], PEOPLE["administrator"]

REPORT = {
    "title": "Fridge too warm",
    "description": "It was 9 degrees",
    "category": "EQUIPMENT",
    "classification": "CRITICAL",
    "department": "Lab",
}
FOUND = {"root_cause_analysis": "The door", "investigation_method": "FIVE_WHYS", "findings": "It was open"}
FILE = {
    "key": "0" * 32,
    "name": "log.pdf",
    "media_type": "application/pdf",
    "size": 3,
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
}
#: What each step takes beside words and a signature.
DATA: dict[str, dict[str, Any]] = {
    "assign_investigator": {"investigator": 7},
    "reassign_investigator": {"investigator": 7},
    "submit_investigation": {"chain": ("department", "qa", "management")},
    "request_information": {"question": "Which door?"},
    "provide_information": {"answer": "The front one"},
    "edit": {"title": "Fridge far too warm"},
    "classify": {"classification": "MINOR"},
    "record_investigation": FOUND,
    "attach": FILE,
    "detach": {"attachment_id": 1},
}


def deviation(status: str = "OPEN", **more: Any) -> Deviation:
    """A deviation in a state, with everything there that a step from it may ask of the record."""
    made = report(Attempt(actor=REPORTER), REPORT, DEFAULT)
    it = DEVIATIONS.evolve(None, Recorded(1, STREAM, 1, NOW, made))
    known = {
        "status": status,
        "investigator": INVESTIGATOR.id,
        "submitted_by": INVESTIGATOR.id,
        "investigation": Investigation(id=1, **FOUND),
        "chain": ("department", "qa", "management"),
        "asked_in": "PENDING_QA_REVIEW",
    }
    return replace(it, **(known | more))


class Story:
    """What happened to one deviation, told as steps; `it` is the record, `events` what was recorded."""

    def __init__(self, config: QualityConfig = DEFAULT, **fields: Any) -> None:
        self.config = config
        self.events: list[Recorded] = []
        self.it: Deviation
        self.record(report(Attempt(actor=REPORTER), {**REPORT, **fields}, config))

    def record(self, event: Event) -> Event:
        version = len(self.events) + 1
        recorded = Recorded(version, STREAM, version, NOW + timedelta(hours=version), event)
        self.events.append(recorded)
        self.it = DEVIATIONS.evolve(self.it if version > 1 else None, recorded)
        return event

    def fire(self, trigger: str, who: Actor, **data: Any) -> Event:
        given = data or {name: value for name, value in DATA.get(trigger, {}).items() if name != "chain"}
        step = DEVIATIONS.transition(trigger)
        return self.record(advance(self.it, step, attempt(self.it, who), given, self.config))

    def investigated(self) -> "Story":
        """An investigator is assigned, and has written down what was found."""
        self.fire("assign_investigator", MANAGER)
        self.record(record_findings(self.it, attempt(self.it, INVESTIGATOR, signature=None), FOUND))
        return self

    def submitted(self) -> "Story":
        self.investigated().fire("submit_investigation", INVESTIGATOR)
        return self

    def approved(self) -> "Story":
        """Approved by whoever its chain asks, each once."""
        for trigger, who in (("approve_department", HEAD), ("approve_qa", MANAGER), ("approve", TOP)):
            if self.it.status in DEVIATIONS.step(trigger).sources:
                self.fire(trigger, who)
        return self
