"""Roles: named sets of permissions, in one namespace for all products. A permission is `<resource>.<verb>`."""

from collections.abc import Iterable

ADMINISTRATOR = "administrator"

_READS = frozenset({"deviation.read"})
_REPORTS = _READS | {"deviation.create"}

ROLES: dict[str, frozenset[str]] = {
    ADMINISTRATOR: frozenset(),  # Holds every permission; see Actor.may.
    "quality_manager": _REPORTS
    | {
        "deviation.manage",
        "deviation.investigate",
        "deviation.approve_qa",
        "user.read",
        "webhook.read",
        "webhook.manage",
    },
    "department_head": _REPORTS | {"deviation.approve_department"},
    "management": _REPORTS | {"deviation.approve"},
    "qa_specialist": _REPORTS | {"deviation.investigate"},
    "user": _REPORTS,
    "viewer": _READS | {"webhook.read"},
    "auditor": _READS | {"webhook.read", "user.read", "audit.read"},
    "account_manager": frozenset(),
    "scoper": frozenset(),
    "consultant": frozenset(),
    "tqa": frozenset(),
    "pqa": frozenset(),
    "operator": frozenset(),
}

PERMISSIONS = frozenset({"user.manage"}).union(*ROLES.values())


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Return the union of the permissions of roles; a role that is not known any more grants nothing."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))
