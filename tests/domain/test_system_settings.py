"""System settings: one declaration, one fact, and what the product could not follow."""

from typing import Any

import pytest

from domain.errors import Denied, InvalidInput
from domain.events import Attempt, Recorded
from domain.given import own_fields
from domain.platform.settings import SETTINGS, Configuration, SettingsChanged, SystemSettings, change
from domain.quality.config import DEFAULT
from projections.history import Change, history
from tests.domain.people import NOW, actor

ADMINISTRATOR = actor(1, "administrator")


def changed(**changes: Any) -> Configuration:
    it = Configuration()
    event = change(it, Attempt(actor=ADMINISTRATOR, reason="because"), changes)
    return SETTINGS.evolve(None, Recorded(1, it.stream, 1, NOW, event))


def test_every_setting_can_be_recorded() -> None:
    assert tuple(own_fields(SettingsChanged)) == SystemSettings.__struct_fields__


def test_nothing_is_configured_at_first_but_what_the_product_comes_with() -> None:
    assert Configuration().settings.quality == DEFAULT


def test_a_change_names_what_it_changes_and_leaves_the_rest() -> None:
    after = changed(due_days_minor=20, approval_chain_minor=("department", "qa"))
    assert after.version == 1
    assert (after.settings.due_days_minor, after.settings.due_days_major) == (20, 7)
    assert after.settings.quality.chains["MINOR"] == ("department", "qa")


@pytest.mark.parametrize("chain", [("qa",), ("department", "management"), ("department", "department")])
def test_a_chain_leaves_no_review_out(chain: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        changed(approval_chain_major=chain)
    assert [fault.field for fault in refused.value.faults] == ["approval_chain_major"]


def test_limits_of_users_name_them_by_id() -> None:
    with pytest.raises(InvalidInput) as refused:
        changed(rate_limit_users={"ana": 5})
    assert refused.value.faults[0].field == "rate_limit_users.ana"


def test_a_change_says_why() -> None:
    with pytest.raises(InvalidInput) as refused:
        change(Configuration(), Attempt(actor=ADMINISTRATOR), {"due_days_minor": 20})
    assert [fault.field for fault in refused.value.faults] == ["reason"]


def test_only_who_manages_the_configuration_changes_it() -> None:
    with pytest.raises(Denied):
        change(Configuration(), Attempt(actor=actor(2, "quality_manager"), reason="so"), {"due_days_minor": 20})


@pytest.mark.parametrize(
    "changes",
    [{"approval_chain_minor": ()}, {"due_days_minor": -1}, {"lockout_attempts": 0}, {"rate_limit_users": {"007": 1}}],
)
def test_nothing_is_recorded_that_the_product_could_not_follow(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        changed(**changes)


@pytest.mark.clause("11.10(k)")
def test_the_history_of_settings_begins_with_what_they_were() -> None:
    it = Configuration()
    event = change(it, Attempt(actor=ADMINISTRATOR, reason="because"), {"due_days_minor": 20})
    (entry,) = history(SETTINGS, [Recorded(1, it.stream, 1, NOW, event)])
    assert entry.changes == [Change("settings.due_days_minor", 30, 20)]
