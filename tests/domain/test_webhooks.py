"""Webhooks: what is changed, by whom, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from domain.errors import Conflict, Denied, InvalidInput
from domain.events import Attempt, Recorded, stream_id
from domain.platform.webhooks import PUBLIC_EVENTS, WEBHOOKS, Webhook
from tests.domain.people import NOW, actor

ATTEMPT = Attempt(actor=actor(1, "administrator"))


def webhook() -> Webhook:
    made = WEBHOOKS.create(ATTEMPT, {"url": "https://example.com", "events": PUBLIC_EVENTS})
    return WEBHOOKS.evolve(None, Recorded(1, stream_id("webhook", 1), 1, NOW, made))


def decided(trigger: str, it: Webhook, **data: Any) -> Webhook:
    event = WEBHOOKS.decide(WEBHOOKS.step(trigger), it, ATTEMPT, data)
    return WEBHOOKS.evolve(it, Recorded(it.version + 1, it.stream, it.version + 1, NOW, event))


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "https://other.example.com"},
        {"events": ("capa.closed",)},
        {"active": False},
        {"url": "https://other.example.com", "events": ("capa.closed",), "active": False},
    ],
)
def test_a_change_is_of_the_fields_that_it_names(changes: dict[str, Any]) -> None:
    assert decided("update", webhook(), **changes) == replace(webhook(), version=2, **changes)


def test_the_names_of_a_change_are_public_ones_and_not_none() -> None:
    for events in ((), ("deviation.abolished",)):
        with pytest.raises(InvalidInput) as refused:
            decided("update", webhook(), events=events)
        assert [fault.field for fault in refused.value.faults] == ["events"]


def test_a_rotation_and_a_request_leave_the_webhook_as_it_is() -> None:
    it = decided("rotate_secret", webhook(), overlap_seconds=60)
    it = decided("redeliver", it, since=NOW, count=3)
    assert it == replace(webhook(), version=3)


def test_a_window_does_not_run_backwards() -> None:
    for until in (NOW, NOW - timedelta(seconds=1)):
        with pytest.raises(InvalidInput) as refused:
            decided("redeliver", webhook(), since=NOW, until=until)
        assert [fault.field for fault in refused.value.faults] == ["until"]


def test_nothing_is_asked_for_again_of_one_that_is_not_active() -> None:
    with pytest.raises(Conflict):
        decided("redeliver", replace(webhook(), active=False), since=NOW)


@pytest.mark.parametrize("trigger", ["update", "rotate_secret", "redeliver", "delete"])
def test_only_who_manages_webhooks_touches_them(trigger: str) -> None:
    for role in ("viewer", "user", "management"):
        with pytest.raises(Denied):
            WEBHOOKS.decide(WEBHOOKS.step(trigger), webhook(), Attempt(actor=actor(1, role)), {})


@pytest.mark.parametrize("trigger", ["update", "rotate_secret", "redeliver", "delete"])
def test_a_deleted_one_is_left_alone(trigger: str) -> None:
    data = {"rotate_secret": {"overlap_seconds": 1}}.get(trigger, {})
    with pytest.raises(Conflict):
        decided(trigger, decided("delete", webhook()), **data)
