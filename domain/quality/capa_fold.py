"""How the facts of a CAPA fold into its record: copying, no rule."""

from msgspec.structs import replace

from domain.events import Recorded
from domain.given import own_fields
from domain.quality.attachments import with_added, with_removed
from domain.quality.capa_facts import (
    INITIATED,
    Action,
    ActionAdded,
    ActionChanged,
    ActionRemoved,
    AttachmentAdded,
    AttachmentRemoved,
    Capa,
    CapaCreated,
    CapaUpdated,
    Closed,
    EffectivenessCheckStarted,
    MarkedIneffective,
    OwnerAssigned,
    Reopened,
)
from domain.quality.folding import Changes, folding, given


def _created(event: CapaCreated, recorded: Recorded) -> Capa:
    return Capa(
        id=event.id,
        number=event.number,
        stream=recorded.stream,
        version=recorded.version,
        status=event.to_state or INITIATED,
        title=event.title,
        description=event.description,
        category=event.category,
        priority=event.priority,
        department=event.department,
        target_completion_date=event.target_completion_date,
        source_type=event.source_type,
        source_id=event.source_id,
        root_cause_analysis=event.root_cause_analysis,
        impact_assessment=event.impact_assessment,
        effectiveness_criteria=event.effectiveness_criteria,
        initiated_by=event.actor,
        initiated_at=recorded.at,
        updated_at=recorded.at,
    )


_EDITABLE = tuple(own_fields(CapaUpdated))
_OF_ACTIONS = {"action_kind": "kind"} | {name: name for name in ("description", "owner", "due_date", "done")}


def _added(event: ActionAdded) -> Action:
    return Action(
        id=event.action_id,
        kind=event.action_kind,
        description=event.description,
        owner=event.owner,
        due_date=event.due_date,
        done=event.done,
    )


def _changed(actions: tuple[Action, ...], event: ActionChanged) -> tuple[Action, ...]:
    changes = {_OF_ACTIONS[name]: value for name, value in given(event, _OF_ACTIONS).items()}
    return tuple(replace(it, **changes) if it.id == event.action_id else it for it in actions)


_CHANGES: Changes[Capa] = {
    CapaUpdated: lambda it, e, at: given(e, _EDITABLE),
    OwnerAssigned: lambda it, e, at: {"owner": e.owner},
    EffectivenessCheckStarted: lambda it, e, at: {"implemented_by": it.owner},
    MarkedIneffective: lambda it, e, at: {"implemented_by": None, "verification_result": ""},
    Closed: lambda it, e, at: {"closed_at": at},
    Reopened: lambda it, e, at: {"implemented_by": None, "verification_result": "", "closed_at": None},
    ActionAdded: lambda it, e, at: {"actions": (*it.actions, _added(e))},
    ActionChanged: lambda it, e, at: {"actions": _changed(it.actions, e)},
    ActionRemoved: lambda it, e, at: {"actions": tuple(one for one in it.actions if one.id != e.action_id)},
    AttachmentAdded: lambda it, e, at: {"attachments": with_added(it.attachments, e, at)},
    AttachmentRemoved: lambda it, e, at: {"attachments": with_removed(it.attachments, e)},
}

evolve = folding(CapaCreated, _created, _CHANGES)
