"""Roles: named sets of permissions, in one namespace for all products. A permission is `<resource>.<verb>`.

Those that come with the product are records by nature: they are there before anything was recorded of them.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from domain.errors import Denied
from domain.events import Actor, Attempt, Event, Recorded, fact, stream_id
from domain.platform.permissions import PERMISSIONS
from domain.workflow import Data, Guard, Step, Who, Workflow

ADMINISTRATOR = "administrator"
LISTED = "listed"
#: The id of the role that holds every permission.
ALL = 1
#: Ids up to this one belong to the roles that come with the product.
RESERVED = 100

_READS = frozenset({"deviation.read", "capa.read"})
_TAKES_PART = _READS | {"deviation.create", "report.read"}

#: The roles that come with the product, in the order of their ids, which never changes: new ones are added last.
BUILT_IN: Mapping[str, frozenset[str]] = {
    ADMINISTRATOR: frozenset(),  # Holds every permission; see Actor.may.
    "quality_manager": _TAKES_PART
    | {
        "deviation.manage",
        "deviation.investigate",
        "deviation.approve_qa",
        "capa.create",
        "capa.manage",
        "capa.own",
        "capa.approve",
        "config.read",
        "role.read",
        "user.read",
        "webhook.read",
        "webhook.manage",
        "audit.review",
    },
    "department_head": _TAKES_PART | {"deviation.approve_department", "capa.create"},
    "management": _TAKES_PART | {"deviation.approve"},
    "qa_specialist": _TAKES_PART | {"deviation.investigate", "capa.create", "capa.own"},
    "user": _READS | {"deviation.create"},
    "viewer": _READS | {"report.read", "config.read", "role.read", "webhook.read"},
    "auditor": _READS | {"report.read", "config.read", "role.read", "webhook.read", "user.read", "audit.read"},
    "account_manager": frozenset(),
    "scoper": frozenset(),
    "consultant": frozenset(),
    "tqa": frozenset(),
    "pqa": frozenset(),
    "operator": frozenset(),
}


class Role(Struct, frozen=True, kw_only=True):
    """A role as folded from events; version 0 is one of the product's of which nothing was recorded."""

    id: int
    stream: UUID
    version: int
    status: str = LISTED
    name: str
    permissions: tuple[str, ...]


@fact("role.created", numbered={"id": f"role+{RESERVED}"})
class RoleCreated(Event, frozen=True, kw_only=True):
    """A set of permissions has a name from now on, for ever."""

    id: int = 0
    name: str
    permissions: tuple[str, ...]


@fact("role.updated")
class RoleUpdated(Event, frozen=True, kw_only=True):
    """The role grants other permissions."""

    permissions: tuple[str, ...] | UnsetType = UNSET


def built_in(number: int) -> Role | None:
    """Return the role that comes with the product under an id."""
    if not 0 < number <= len(BUILT_IN):
        return None
    name, permissions = list(BUILT_IN.items())[number - 1]
    stream = stream_id("role", number)
    return Role(id=number, stream=stream, version=0, name=name, permissions=tuple(sorted(permissions)))


_BY_STREAM = {role.stream: role for number in range(1, len(BUILT_IN) + 1) if (role := built_in(number))}


def evolve(role: Role | None, recorded: Recorded) -> Role:
    """Fold one event into a role. Total: an event that says nothing of the fields moves the version on alone."""
    event = recorded.event
    if isinstance(event, RoleCreated):
        return Role(
            id=event.id,
            stream=recorded.stream,
            version=recorded.version,
            name=event.name,
            permissions=event.permissions,
        )
    before = role or _BY_STREAM.get(recorded.stream) or _nameless(recorded.stream)
    granted = event.permissions if isinstance(event, RoleUpdated) else UNSET
    return replace(before, version=recorded.version, permissions=before.permissions if granted is UNSET else granted)


def _nameless(stream: UUID) -> Role:
    # Folding never fails, also where a later release knows a role no more.
    return Role(id=0, stream=stream, version=0, name="", permissions=())


_MANAGES: Who[Role] = Who("role.manage", "who manages roles")
_NOT_ALL: Guard[Role] = Guard(
    "The administrator holds every permission; that can not be changed.", lambda it, _, __: it.name != ADMINISTRATOR
)

ROLES: Workflow[Role] = Workflow(
    kind="role",
    states=(LISTED,),
    creation=Step("create", (), LISTED, RoleCreated, (_MANAGES,), requires=("name",)),
    steps=(
        Step("update", (LISTED,), None, RoleUpdated, (_MANAGES,), guards=(_NOT_ALL,), requires=("reason",), edit=True),
    ),
    evolve=evolve,
    choices={"permissions": tuple(PERMISSIONS)},
    native=_BY_STREAM.get,
)


def create(attempt: Attempt, data: Data) -> Event:
    """Return the fact of a new role. Raises Denied for permissions that its maker does not hold."""
    event = ROLES.create(attempt, data)
    check_granted(attempt.actor, data["permissions"])
    return event


def change(role: Role, attempt: Attempt, permissions: tuple[str, ...]) -> Event:
    """Return the fact of a role that grants something else. Raises Denied for what the actor does not hold."""
    step = ROLES.step("update")
    ROLES.authorize(step, role, attempt.actor)
    check_granted(attempt.actor, set(permissions) - set(role.permissions))
    return ROLES.decide(step, role, attempt, {"permissions": permissions})


def check_granted(actor: Actor, permissions: Iterable[str]) -> None:
    """Raise Denied naming the permissions that the actor would grant, and does not hold."""
    strange = sorted(name for name in permissions if not actor.may(name))
    if strange:
        raise Denied(f"Nobody grants what he does not hold: {', '.join(strange)}.")
