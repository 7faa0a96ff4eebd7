"""Who may make whom what: rules about users that ask more than the user's own record."""

from collections.abc import Callable, Iterable

from domain.errors import Denied
from domain.events import Actor
from domain.platform.roles import ADMINISTRATOR

#: What roles permit, by their names.
Granted = Callable[[Iterable[str]], frozenset[str]]


def check_grants(actor: Actor, before: Iterable[str], after: Iterable[str], granted: Granted) -> None:
    """Raise Denied where a role would be granted that permits what the actor may not do himself."""
    known = set(before)
    strange = [role for role in dict.fromkeys(after) if role not in known and not _may_grant(actor, role, granted)]
    if strange:
        raise Denied(f"Nobody grants a role that permits what he may not do himself: {', '.join(strange)}.")


def _may_grant(actor: Actor, role: str, granted: Granted) -> bool:
    return actor.administrator or (role != ADMINISTRATOR and granted((role,)) <= actor.permissions)


def check_own(actor: Actor, user: int, changed: Iterable[str]) -> None:
    """Raise Denied where the actor would change his own reach: which departments, and what, he may decide on."""
    own = sorted({"department", "roles"} & set(changed))
    if own and user == actor.id and not actor.administrator:
        raise Denied(f"Nobody but an administrator changes this of himself: {', '.join(own)}.")


def check_stands_in(actor: Actor, other: Actor) -> None:
    """Raise Denied where changing how the other signs in would let the actor do, in his name, what he may not do."""
    beyond = other.administrator or not other.permissions <= actor.permissions
    if beyond and not actor.administrator:
        raise Denied("Nobody changes how a user signs in who may do what he may not do himself.")
