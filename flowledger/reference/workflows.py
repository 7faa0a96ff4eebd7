"""A workflow's page: its steps, its diagram, who may do what, and what is recorded."""

from collections.abc import Sequence
from typing import Any

from domain.events import Event
from domain.given import own_fields
from domain.platform.roles import ADMINISTRATOR, BUILT_IN
from domain.quality.config import DEFAULT
from domain.quality.deviation import DEVIATIONS
from domain.workflow import Step, Workflow
from flowledger.reference.markdown import code, table, title
from workers.webhooks.render import TOLD


def workflow_page(flow: Workflow[Any]) -> str:
    """Return the page of a workflow."""
    moves = [step for step in flow.steps if not step.edit]
    edits = [step for step in flow.steps if step.edit]
    parts = [
        f"# {title(flow.kind)}\n",
        f"States: {code(flow.states)}. {_begins(flow)}\n",
    ]
    if rows := [_row(step) for step in flow.all_steps if not step.edit]:
        head = ["step", "from", "to", "who", "must be given", "guards"]
        parts += ["## Steps\n\n`S` marks a step that takes an electronic signature.\n", table(head, rows)]
    parts.append(_diagram(flow, moves))
    if edits:
        rows = [[_name(step), code(step.sources), _who(step), _asked(step), _guards(step)] for step in edits]
        head = ["edit", "while", "who", "must be given", "guards"]
        parts += ["## Edits\n\nThey change fields, and leave the state as it is.\n", table(head, rows)]
    if flow.kind == DEVIATIONS.kind:
        parts.append(_configured())
    parts += [_permissions(flow), _recorded(flow)]
    return "\n".join(parts)


def _begins(flow: Workflow[Any]) -> str:
    if flow.creation:
        return f"A record begins in `{flow.beginning}`."
    return f"Nothing creates a record: it is there by nature, in `{flow.beginning}`; any of its facts may be the first."


def _row(step: Step[Any]) -> list[str]:
    to = "the same" if step.destination is None else " or ".join(f"`{state}`" for state in step.destinations)
    return [_name(step), code(step.sources) or "(new)", to, _who(step), _asked(step), _guards(step)]


def _name(step: Step[Any]) -> str:
    return f"`{step.trigger}`{' S' if step.signed else ''}"


def _who(step: Step[Any]) -> str:
    said = {rule.says: rule.states for rule in step.who}
    partly = len(said) > 1
    return ", ".join(
        f"{says} (in {code(state for state in step.sources if state in states)})" if partly and states else says
        for says, states in said.items()
    )


def _asked(step: Step[Any]) -> str:
    given = [f"`{name}`" for name in step.requires]
    late = [state for state in step.sources if state in step.reason_in]
    given += [f"`reason` in {code(late)}"] if late else []
    over = [state for state in step.sources if state in step.reason_over - step.reason_in]
    given += [f"`reason` in {code(over)} for what changes or removes something recorded"] if over else []
    return ", ".join([*given, "`signature`"] if step.signed else given)


def _guards(step: Step[Any]) -> str:
    return " ".join(guard.says for guard in step.guards)


def _diagram(flow: Workflow[Any], moves: Sequence[Step[Any]]) -> str:
    arrows: dict[tuple[str, str], list[str]] = {}
    for step in moves:
        for source in step.sources:
            for target in step.destinations if step.destination is not None else (source,):
                arrows.setdefault((source, target), []).append(step.trigger)
    lines = [f"    [*] --> {flow.beginning}"]
    lines += [f"    {source} --> {target}: {', '.join(names)}" for (source, target), names in arrows.items()]
    ends = [state for state in flow.states if not any(source == state != target for source, target in arrows)]
    lines += [f"    {state} --> [*]" for state in ends]
    return "## Diagram\n\n```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"


def _permissions(flow: Workflow[Any]) -> str:
    steps = flow.all_steps
    held = {rule.permission for step in steps for rule in step.who}
    roles = [role for role, permissions in BUILT_IN.items() if role == ADMINISTRATOR or held & permissions]
    notes: list[str] = []
    rows = [[f"`{step.trigger}`", *(_cell(step, role, notes) for role in roles)] for step in steps]
    said = "".join(f"{number}. {note}\n" for number, note in enumerate(notes, 1))
    others = "take only what is anybody's own" if None in held else "may take no step"
    return (
        "## Who may do what\n\nGuards hold for everybody, the administrator too. Roles that are not named here"
        f" {others}.\n\n{table(['step', *(f'`{role}`' for role in roles)], rows)}" + (f"\n{said}" if said else "")
    )


def _cell(step: Step[Any], role: str, notes: list[str]) -> str:
    """Return whether a role may take a step: yes, no, or yes with the number of a note."""
    if role == ADMINISTRATOR:
        return "yes"
    rules = [rule for rule in step.who if rule.permission is None or rule.permission in BUILT_IN[role]]
    found = []
    for rule in rules:
        where = [state for state in step.sources if state in rule.states]
        part = bool(rule.states) and set(where) != set(step.sources)
        if rule.relation is None and not part:
            return "yes"
        said = ([rule.says] if rule.relation else []) + ([f"in {code(where)}"] if part else [])
        note = f"Only {', '.join(said)}."
        if note not in notes:
            notes.append(note)
        found.append(str(notes.index(note) + 1))
    return f"yes, see {', '.join(found)}" if found else ""


def _recorded(flow: Workflow[Any]) -> str:
    rows = [
        [
            f"`{step.trigger}`",
            f"[`{step.event.topic}`](../events.md#{_anchor(step.event)})",
            code(_public(step)) or "nobody is told",
        ]
        for step in flow.all_steps
    ]
    return "## What is recorded\n\n" + table(["step", "fact", "webhooks are told of it as"], rows)


def _public(step: Step[Any]) -> list[str]:
    """Return the public names of a step's fact, one for each way that it may lead."""
    told = TOLD.get(step.event.kind)
    if told is None:
        return []
    needed = {name: None for name, field in own_fields(step.event).items() if field.required}
    ways = [
        step.event(**needed, from_state=source, to_state=source if step.destination is None else target)
        for source in step.sources or (None,)
        for target in step.destinations
    ]
    return list(dict.fromkeys(map(told.name, ways)))


def _anchor(event: type[Event]) -> str:
    return event.topic.replace(".", "")


def _configured() -> str:
    rows = [
        [f"`{classification}`", f"{days} days", ", then ".join(DEFAULT.chains[classification])]
        for classification, days in DEFAULT.due_days.items()
    ]
    return (
        "## Due dates and chains of approvals\n\nAs configured at first. A due date that is given holds until the"
        " classification changes. The chain is read when the investigation is submitted; a rejection begins a new"
        " round, and the approvals of one round come from different people.\n\n"
        + table(["classification", "due after", "approved by"], rows)
    )
