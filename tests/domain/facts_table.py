"""The deviation's rules as the facts and the contract state them, written down apart from the code's own table."""

from tests.domain.table_suite import Facts

OPEN, INVESTIGATED, ASKED = "OPEN", "UNDER_INVESTIGATION", "INFORMATION_REQUESTED"
DEPARTMENT, QA, MANAGEMENT = "PENDING_DEPARTMENT_REVIEW", "PENDING_QA_REVIEW", "PENDING_MANAGEMENT_APPROVAL"
APPROVED, CLOSED, CANCELLED = "APPROVED", "CLOSED", "CANCELLED"

STATES = (OPEN, INVESTIGATED, ASKED, DEPARTMENT, QA, MANAGEMENT, APPROVED, CLOSED, CANCELLED)

_HEADS = {"administrator", "head_of_lab", "head_of_everything"}
_MANAGERS = {"administrator", "quality_manager"}
_TOP = {"administrator", "management"}
_INVESTIGATOR = {"administrator", "investigator"}

#: Until it is decided, by whoever takes part.
_ANY_TIME = {
    state: ({state}, _MANAGERS | {"investigator", "reporter"})
    for state in (OPEN, INVESTIGATED, ASKED, DEPARTMENT, QA, MANAGEMENT)
}

#: step -> state -> (where it leads, who may). "The same" is written out.
TABLE: dict[str, dict[str, tuple[set[str], set[str]]]] = {
    "assign_investigator": {OPEN: ({INVESTIGATED}, _MANAGERS)},
    "reassign_investigator": {INVESTIGATED: ({INVESTIGATED}, _MANAGERS), ASKED: ({ASKED}, _MANAGERS)},
    "submit_investigation": {INVESTIGATED: ({DEPARTMENT}, _INVESTIGATOR)},
    "approve_department": {DEPARTMENT: ({QA, APPROVED}, _HEADS)},
    "approve_qa": {QA: ({MANAGEMENT, APPROVED}, _MANAGERS)},
    "approve": {MANAGEMENT: ({APPROVED}, _TOP)},
    "reject": {
        DEPARTMENT: ({INVESTIGATED}, _HEADS),
        QA: ({INVESTIGATED}, _MANAGERS),
        MANAGEMENT: ({INVESTIGATED}, _TOP),
    },
    "request_information": {
        DEPARTMENT: ({ASKED}, _HEADS),
        QA: ({ASKED}, _MANAGERS),
        MANAGEMENT: ({ASKED}, _TOP),
    },
    "provide_information": {ASKED: ({DEPARTMENT, QA, MANAGEMENT}, _INVESTIGATOR)},
    "close": {APPROVED: ({CLOSED}, _MANAGERS)},
    "reopen": {CLOSED: ({INVESTIGATED}, _MANAGERS)},
    "cancel": {
        OPEN: ({CANCELLED}, _MANAGERS),
        INVESTIGATED: ({CANCELLED}, _MANAGERS),
        ASKED: ({CANCELLED}, _MANAGERS),
    },
    "edit": {OPEN: ({OPEN}, _MANAGERS | {"reporter"}), INVESTIGATED: ({INVESTIGATED}, _MANAGERS)},
    "classify": {OPEN: ({OPEN}, _MANAGERS), INVESTIGATED: ({INVESTIGATED}, _MANAGERS)},
    "record_investigation": {
        INVESTIGATED: ({INVESTIGATED}, _MANAGERS | {"investigator"}),
        ASKED: ({ASKED}, _MANAGERS | {"investigator"}),
    },
    "attach": _ANY_TIME,
    "detach": {state: _ANY_TIME[state] for state in (OPEN, INVESTIGATED, ASKED)},
}

#: What must be given, by step; in braces the states in which a reason must be given too.
ASKS: dict[str, set[str]] = {
    "assign_investigator": {"investigator"},
    "reassign_investigator": {"investigator", "reason"},
    "submit_investigation": set(),
    "approve_department": {"signature"},
    "approve_qa": {"signature"},
    "approve": {"signature"},
    "reject": {"reason"},
    "request_information": {"question"},
    "provide_information": {"answer"},
    "close": {"signature"},
    "reopen": {"signature", "reason"},
    "cancel": {"reason"},
    "edit": set(),
    "classify": set(),
    "record_investigation": set(),
    "attach": set(),
    "detach": {"reason"},
}
REASON_IN = {"edit": {INVESTIGATED}, "classify": {INVESTIGATED}}
REASON_OVER = {"record_investigation": {INVESTIGATED, ASKED}}

#: The names by which a step's fact is recorded.
RECORDS = {
    "assign_investigator": "deviation.investigator_assigned",
    "reassign_investigator": "deviation.investigator_reassigned",
    "submit_investigation": "deviation.investigation_submitted",
    "approve_department": "deviation.department_approved",
    "approve_qa": "deviation.qa_approved",
    "approve": "deviation.approved",
    "reject": "deviation.rejected",
    "request_information": "deviation.information_requested",
    "provide_information": "deviation.information_provided",
    "close": "deviation.closed",
    "reopen": "deviation.reopened",
    "cancel": "deviation.cancelled",
    "edit": "deviation.updated",
    "classify": "deviation.updated",
    "record_investigation": "deviation.investigation_recorded",
    "attach": "deviation.attachment_added",
    "detach": "deviation.attachment_removed",
}

EDITS = {"edit", "classify", "record_investigation", "attach", "detach"}

#: Where CRITICAL takes every review, and QA's asked for information.
_LEADING = {
    (OPEN, INVESTIGATED): "assign_investigator",
    (OPEN, CANCELLED): "cancel",
    (INVESTIGATED, DEPARTMENT): "submit_investigation",
    (INVESTIGATED, CANCELLED): "cancel",
    (ASKED, QA): "provide_information",
    (ASKED, CANCELLED): "cancel",
    (DEPARTMENT, QA): "approve_department",
    (QA, MANAGEMENT): "approve_qa",
    (MANAGEMENT, APPROVED): "approve",
    **{(pending, INVESTIGATED): "reject" for pending in (DEPARTMENT, QA, MANAGEMENT)},
    **{(pending, ASKED): "request_information" for pending in (DEPARTMENT, QA, MANAGEMENT)},
    (APPROVED, CLOSED): "close",
    (CLOSED, INVESTIGATED): "reopen",
}

FACTS = Facts(STATES, TABLE, ASKS, RECORDS, EDITS, _LEADING, REASON_IN, REASON_OVER)
