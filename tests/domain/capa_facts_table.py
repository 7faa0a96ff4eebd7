"""The CAPA's rules as the facts and the contract state them, written down apart from the code's own table."""

from tests.domain.table_suite import Facts

INITIATED, INVESTIGATION, PLANNING = "INITIATED", "INVESTIGATION", "ACTION_PLANNING"
IMPLEMENTATION, CHECK = "IMPLEMENTATION", "EFFECTIVENESS_CHECK"
APPROVED, CLOSED, CANCELLED = "APPROVED", "CLOSED", "CANCELLED"

_BEFORE_IMPLEMENTATION = (INITIATED, INVESTIGATION, PLANNING)
_BEFORE_CHECK = (*_BEFORE_IMPLEMENTATION, IMPLEMENTATION)
_BEFORE_APPROVED = (*_BEFORE_CHECK, CHECK)
_BEFORE_CLOSED = (*_BEFORE_APPROVED, APPROVED)

_MANAGERS = {"administrator", "quality_manager"}
_OWNER = {"administrator", "owner"}
_EITHER = _MANAGERS | _OWNER

TABLE: dict[str, dict[str, tuple[set[str], set[str]]]] = {
    "assign_owner": {state: ({state}, _MANAGERS) for state in _BEFORE_CLOSED},
    "start_investigation": {INITIATED: ({INVESTIGATION}, _EITHER)},
    "plan_actions": {INVESTIGATION: ({PLANNING}, _OWNER)},
    "start_implementation": {PLANNING: ({IMPLEMENTATION}, _MANAGERS)},
    "verify_effectiveness": {IMPLEMENTATION: ({CHECK}, _OWNER)},
    "mark_ineffective": {CHECK: ({PLANNING}, _MANAGERS)},
    "approve": {CHECK: ({APPROVED}, _MANAGERS)},
    "close": {APPROVED: ({CLOSED}, _MANAGERS)},
    "reopen": {CLOSED: ({INVESTIGATION}, _MANAGERS)},
    "cancel": {state: ({CANCELLED}, _MANAGERS) for state in _BEFORE_APPROVED},
    "edit": {state: ({state}, _EITHER) for state in _BEFORE_APPROVED},
    "add_action": {state: ({state}, _EITHER) for state in _BEFORE_CHECK},
    "change_action": {state: ({state}, _EITHER) for state in _BEFORE_CHECK},
    "mark_action": {IMPLEMENTATION: ({IMPLEMENTATION}, _EITHER | {"action_owner"})},
    "remove_action": {state: ({state}, _EITHER) for state in _BEFORE_CHECK},
    "attach": {state: ({state}, _EITHER | {"opener"}) for state in _BEFORE_APPROVED},
    "detach": {state: ({state}, _EITHER | {"opener"}) for state in _BEFORE_CHECK},
}

_ASKS: dict[str, set[str]] = {
    "assign_owner": {"owner"},
    "start_investigation": set(),
    "plan_actions": set(),
    "start_implementation": {"signature"},
    "verify_effectiveness": set(),
    "mark_ineffective": {"reason"},
    "approve": {"signature"},
    "close": {"signature"},
    "reopen": {"signature", "reason"},
    "cancel": {"reason"},
    "edit": set(),
    "add_action": {"action_kind", "description"},
    "change_action": set(),
    "mark_action": set(),
    "remove_action": set(),
    "attach": set(),
    "detach": {"reason"},
}

RECORDS = {
    "assign_owner": "capa.owner_assigned",
    "start_investigation": "capa.investigation_started",
    "plan_actions": "capa.planning_started",
    "start_implementation": "capa.implementation_started",
    "verify_effectiveness": "capa.effectiveness_check_started",
    "mark_ineffective": "capa.marked_ineffective",
    "approve": "capa.approved",
    "close": "capa.closed",
    "reopen": "capa.reopened",
    "cancel": "capa.cancelled",
    "edit": "capa.updated",
    "add_action": "capa.action_added",
    "change_action": "capa.action_changed",
    "mark_action": "capa.action_changed",
    "remove_action": "capa.action_removed",
    "attach": "capa.attachment_added",
    "detach": "capa.attachment_removed",
}

FACTS = Facts(
    states=(*_BEFORE_CLOSED, CLOSED, CANCELLED),
    table=TABLE,
    asks=_ASKS,
    records=RECORDS,
    edits={"edit", "add_action", "change_action", "mark_action", "remove_action", "attach", "detach"},
    leading={
        (INITIATED, INVESTIGATION): "start_investigation",
        (INVESTIGATION, PLANNING): "plan_actions",
        (PLANNING, IMPLEMENTATION): "start_implementation",
        (IMPLEMENTATION, CHECK): "verify_effectiveness",
        (CHECK, PLANNING): "mark_ineffective",
        (CHECK, APPROVED): "approve",
        (APPROVED, CLOSED): "close",
        (CLOSED, INVESTIGATION): "reopen",
        **{(state, CANCELLED): "cancel" for state in _BEFORE_APPROVED},
    },
    reason_in={
        **{trigger: {IMPLEMENTATION} for trigger in ("add_action", "change_action")},
        "remove_action": {INVESTIGATION, PLANNING, IMPLEMENTATION},
    },
    reason_over={
        "assign_owner": {INVESTIGATION, PLANNING, IMPLEMENTATION, CHECK, APPROVED},
        "edit": {INVESTIGATION, PLANNING, IMPLEMENTATION, CHECK},
        "change_action": {INVESTIGATION, PLANNING, IMPLEMENTATION},
        "mark_action": {IMPLEMENTATION},
    },
)
