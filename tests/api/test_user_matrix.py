"""Who may do what to whom. Each request names a version that there is none of: 412 says that it would be done."""

from itertools import product as pairs
from typing import Any

import pytest

from tests.api.accounts import Account, account, role
from tests.support.product import Client, People, Product

STALE = {"If-Match": '"0-0"'}
MANAGES, HELD = ("user.read", "user.manage", "deviation.read", "deviation.create", "capa.read"), "user"
ACTORS = ("administrator", "manager", "quality_manager", "auditor", "viewer", "user")
TARGETS = ("administrator", "management", HELD, "itself")
ACTIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "change": ("PUT", "", {"department": "X"}),
    "change nothing": ("PATCH", "", {}),
    "grant what one holds": ("PUT", "", {"roles": [HELD]}),
    "grant more": ("PUT", "", {"roles": ["qa_specialist"]}),
    "make administrator": ("PUT", "", {"roles": ["administrator"]}),
    "set password": ("PUT", "", {"password": "another-good-one"}),
    "deactivate": ("DELETE", "", {}),
    "deactivate by change": ("PUT", "", {"is_active": False}),
    "unlock": ("POST", "unlock/", {}),
    "erase": ("POST", "erase/", {"reason": "Asked for it."}),
}


class Cast:
    """The people of the matrix, made once."""

    def __init__(self, people: People, product: Product) -> None:
        manager = role(people, *MANAGES)
        roles = {**{name: name for name in ACTORS}, "manager": manager}
        self.actors = {name: account(people, product, roles=[held]) for name, held in roles.items()}
        self.clients: dict[str, Client] = {name: it.signed_in() for name, it in self.actors.items()}
        self.targets = {name: account(people, product, roles=[name]) for name in TARGETS if name != "itself"}

    def target(self, name: str, actor: str) -> Account:
        return self.actors[actor] if name == "itself" else self.targets[name]


@pytest.fixture(scope="module")
def cast(people: People, product: Product) -> Cast:
    return Cast(people, product)


def expected(actor: str, target: str, action: str) -> int:
    """Say the rules again, in other words."""
    itself = target == "itself"
    if actor not in ("administrator", "manager"):
        return 403 if itself or actor in ("quality_manager", "auditor") else 404
    if action == "set password" and itself:
        return 403
    if actor == "administrator":
        return 412
    if target == "administrator":
        return 403
    if itself and action in ("change", "grant what one holds"):
        return 403  # How far his own word goes an administrator says.
    refused = {
        "grant more": True,
        "make administrator": True,
        "erase": True,
        "set password": target == "management",  # Who approves: the manager does not.
        "grant what one holds": False,
    }
    return 403 if refused.get(action, False) else 412


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.clause("11.10(d)")
def test_exactly_what_the_rules_allow_is_allowed(cast: Cast, action: str) -> None:
    method, path, given = ACTIONS[action]
    for actor, target in pairs(ACTORS, TARGETS):
        at = f"{cast.target(target, actor).path}{path}"
        answer = cast.clients[actor].request(method, at, json=given, headers=STALE)
        assert answer.status_code == expected(actor, target, action), (actor, target, answer.text)


def test_sessions_of_others_are_for_who_manages_users(cast: Cast) -> None:
    for actor, target in pairs(ACTORS, TARGETS):
        path = f"{cast.target(target, actor).path}sessions/"
        reads = expected(actor, "user" if target != "itself" else target, "deactivate")
        assert cast.clients[actor].get(path).status_code == (200 if reads == 412 else reads), (actor, target)
        ends = cast.clients[actor].delete(f"{path}00000000-0000-4000-8000-000000000000/").status_code
        # Everybody may end his own: then there is no such session.
        may = 412 if target == "itself" else expected(actor, target, "change")
        assert ends == (404 if may == 412 else may), (actor, target)
