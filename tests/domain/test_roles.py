"""Roles: those of the product, those of its users, and what nobody may grant."""

import pytest

from domain.catalogue import WORKFLOWS
from domain.errors import Conflict, Denied, InvalidInput
from domain.events import Actor, Attempt, Recorded, stream_id
from domain.platform import roles
from domain.platform.permissions import PERMISSIONS
from domain.platform.roles import BUILT_IN, ROLES, Role, RoleCreated, RoleUpdated, built_in
from domain.workflow import Data
from tests.domain.people import NOW, actor

ADMINISTRATOR = actor(1, "administrator")


def made(*permissions: str) -> Role:
    event = RoleCreated(id=101, name="Cold chain", permissions=permissions)
    return ROLES.evolve(None, Recorded(1, stream_id("role", 101), 1, NOW, event))


def own(number: int) -> Role:
    role = built_in(number)
    assert role is not None
    return role


def test_every_permission_that_a_role_grants_is_in_the_catalogue() -> None:
    assert set().union(*BUILT_IN.values()) <= set(PERMISSIONS)


def test_every_permission_is_named_resource_and_verb() -> None:
    assert all(name.count(".") == 1 and name.replace(".", "").replace("_", "").isalpha() for name in PERMISSIONS)


def test_every_permission_of_a_step_is_in_the_catalogue() -> None:
    asked = {who.permission for flow in WORKFLOWS.values() for step in flow.all_steps for who in step.who}
    assert asked - {None} <= set(PERMISSIONS)


def test_the_products_roles_keep_their_ids() -> None:
    assert [own(number).name for number in (1, 2, 7, 14)] == ["administrator", "quality_manager", "viewer", "operator"]
    assert built_in(0) is built_in(15) is None


def test_a_role_of_the_product_is_changed_as_any_other() -> None:
    viewer = own(7)
    given = Attempt(actor=ADMINISTRATOR, reason="Viewers see no settings here.")
    event = roles.change(viewer, given, ("deviation.read",))
    after = ROLES.evolve(None, Recorded(9, viewer.stream, 1, NOW, event))
    assert (after.id, after.name, after.permissions, after.version) == (7, "viewer", ("deviation.read",), 1)


def test_the_administrators_role_is_not_changed() -> None:
    with pytest.raises(Conflict, match="holds every permission"):
        roles.change(own(1), Attempt(actor=ADMINISTRATOR, reason="so"), ("deviation.read",))


def test_a_change_says_why() -> None:
    with pytest.raises(InvalidInput) as refused:
        roles.change(made(), Attempt(actor=ADMINISTRATOR), ("deviation.read",))
    assert [fault.field for fault in refused.value.faults] == ["reason"]


@pytest.mark.parametrize("wanted", [{"name": "x", "permissions": ("user.manage", "role.manage")}])
def test_nobody_grants_what_he_does_not_hold(wanted: Data) -> None:
    holder = Actor(id=2, permissions=frozenset({"role.manage"}))
    with pytest.raises(Denied, match=r"user\.manage"):
        roles.create(Attempt(actor=holder), wanted)


def test_only_who_manages_roles_makes_one() -> None:
    with pytest.raises(Denied, match="only who manages roles"):
        roles.create(Attempt(actor=actor(2, "viewer")), {"name": "x", "permissions": ("deviation.read",)})


def test_a_role_grants_no_permission_that_there_is_none_of() -> None:
    with pytest.raises(InvalidInput):
        roles.create(Attempt(actor=ADMINISTRATOR), {"name": "x", "permissions": ("deviation.fly",)})


def test_a_change_of_nothing_leaves_the_permissions() -> None:
    before = made("deviation.read")
    after = ROLES.evolve(before, Recorded(2, before.stream, 2, NOW, RoleUpdated()))
    assert (after.permissions, after.version) == (("deviation.read",), 2)
