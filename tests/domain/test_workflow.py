"""A table with a fault in it is refused when it is made."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from domain.catalogue import WORKFLOWS
from domain.errors import Conflict
from domain.events import FACTS, Event, fact
from domain.platform.webhooks import WEBHOOKS, Webhook, WebhookCreated, WebhookDeleted
from domain.table import Step, Who
from domain.workflow import Workflow
from tests.domain.people import NOW, STREAM, actor, attempt

ANYBODY: Who[Webhook] = Who("webhook.manage", "anybody")
CREATE: Step[Webhook] = Step("create", (), "new", WebhookCreated, (ANYBODY,))
KNOWN = dict(FACTS)


@pytest.fixture(autouse=True)
def _facts() -> Iterator[None]:
    yield
    for topic in FACTS.keys() - KNOWN.keys():
        del FACTS[topic]


def step(trigger: str, sources: Any, destination: Any, **more: Any) -> Step[Webhook]:
    given = {"event": WebhookDeleted, "who": (ANYBODY,), **more}
    return Step(trigger, sources, destination, **given)


def table(*steps: Step[Webhook], states: tuple[str, ...] = ("new", "old")) -> Workflow[Webhook]:
    return Workflow("webhook", states, CREATE, steps, WEBHOOKS.evolve)


AGE = step("age", ("new",), "old")


def test_a_table_without_a_fault_is_taken() -> None:
    assert table(AGE, step("stay", ("old",), None)).step("age") is AGE


def test_two_steps_of_one_trigger_are_refused() -> None:
    with pytest.raises(ValueError, match="share a trigger"):
        table(AGE, step("age", ("old",), "new"))


def test_a_fact_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'user.activated' is not a fact of 'webhook'"):
        table(step("age", ("new",), "old", event=FACTS["user.activated"]))


@pytest.mark.parametrize(("sources", "destination"), [(("newest",), "old"), (("new",), "oldest")])
def test_a_state_that_there_is_none_of_is_refused(sources: Any, destination: Any) -> None:
    with pytest.raises(ValueError, match="there are no states"):
        table(AGE, step("jump", sources, destination))


def test_a_state_that_no_way_leads_to_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no way leads to \['lost', 'stray'\]"):
        table(AGE, step("find", ("lost",), "stray"), states=("new", "old", "lost", "stray"))


def test_a_choice_without_a_chooser_is_refused() -> None:
    with pytest.raises(ValueError, match="a choice takes"):
        table(step("age", ("new",), ("old", "new")))


def test_a_chooser_without_a_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="a choice takes"):
        table(step("age", ("new",), "old", choose=lambda _: "old"))


def test_a_rule_for_a_state_that_the_step_does_not_leave_is_refused() -> None:
    who = Who[Webhook]("webhook.manage", "anybody", states=frozenset({"old"}))
    with pytest.raises(ValueError, match="does not leave"):
        table(step("age", ("new",), "old", who=(who,)))


def test_a_state_in_which_nobody_may_is_refused() -> None:
    who = Who[Webhook]("webhook.manage", "anybody", states=frozenset({"new"}))
    with pytest.raises(ValueError, match="nobody may"):
        table(AGE, step("stay", ("new", "old"), None, who=(who,)))


def test_a_requirement_that_the_fact_does_not_record_is_refused() -> None:
    with pytest.raises(ValueError, match=r"does not record \['colour'\]"):
        table(step("age", ("new",), "old", requires=("colour",)))


@pytest.mark.parametrize("topic", ["deviation", "deviation.", ".closed", "Deviation.closed", "a.b.c", "a b.c"])
def test_a_topic_is_prefixed_with_its_kind(topic: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        fact(topic)(type("Odd", (Event,), {}, frozen=True, kw_only=True))


def test_a_topic_is_given_once() -> None:
    with pytest.raises(ValueError, match="is taken"):
        fact("deviation.closed")(type("Again", (Event,), {}, frozen=True, kw_only=True))


@pytest.mark.parametrize("name", ["topic", "kind", "numbered"])
def test_a_field_does_not_hide_what_every_fact_has(name: str) -> None:
    hiding = type("Hiding", (Event,), {"__annotations__": {name: str}}, frozen=True, kw_only=True)
    with pytest.raises(ValueError, match=f"a field can not be named {name}"):
        fact("webhook.hidden")(hiding)


def test_a_chooser_that_names_another_state_leads_nowhere() -> None:
    flow = table(step("age", ("new",), ("old", "new"), choose=lambda _: "lost"))
    it = Webhook(id=1, stream=STREAM, version=1, status="new", url="", events=(), active=True, created=NOW.isoformat())
    with pytest.raises(Conflict, match="leads nowhere"):
        flow.decide(flow.step("age"), it, attempt(it, actor(1, "administrator")), {})


def test_deciding_leaves_the_record_as_it_is() -> None:
    it = Webhook(id=1, stream=STREAM, version=1, status="listed", url="", events=(), active=True, created="")
    before = replace(it)
    WEBHOOKS.decide(WEBHOOKS.step("delete"), it, attempt(it, actor(1, "administrator")), {})
    assert it == before


def test_the_machine_has_the_tables_steps_and_no_back_doors() -> None:
    for flow in WORKFLOWS.values():
        assert set(flow.machine.events) == {step.trigger for step in flow.steps}
        assert set(flow.machine.states) == set(flow.states)


def test_every_fact_is_recorded_by_a_step() -> None:
    steps = [step for flow in WORKFLOWS.values() for step in flow.all_steps]
    assert {step.event.topic for step in steps} == KNOWN.keys()
