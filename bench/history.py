"""A believable history: life cycles of deviations as the rules themselves decide them, then told again and again."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg

from domain.events import Actor, Attempt, Event, Recorded, Signature, Source, stream_id
from domain.quality import deviation as rules
from domain.quality.config import DEFAULT
from domain.quality.deviation import DEVIATIONS
from domain.quality.deviation_facts import Deviation, DeviationCreated, InvestigationRecorded
from ledger.append import Allotment, Append, Plan, Proposed
from ledger.checkpoint import make_checkpoint
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.vault import Vault
from ledger.writer import Writer

#: So many characters, and a list of twenty is some eight kilobytes.
DESCRIPTION = (
    "Balance B-114 was 0.8 mg off at the daily check; the limit is 0.5 mg. Three weighings of batch B24117 since the "
    "last good check are concerned."
)
_STORIES = 200
#: Events an append, so that the leaves lie in as many rows as group commits under load leave.
_APPEND_EVENTS = 50
_REPORTER, _MANAGER, _INVESTIGATOR, _HEAD, _DIRECTOR = (
    Actor(id=number, administrator=True) for number in range(11, 16)
)


async def fill(url: str, keys: Keys, events: int, checkpoints: Path) -> None:
    """Append exactly so many events of deviations, interleaved as life cycles that go on beside each other are."""
    codec = Codec(Vault(keys))
    writer = Writer(lambda: connect(url, "bench"))
    try:
        told = 0
        for lives in _lives(_templates(codec)):
            told += await _append(writer, codec, lives, events - told)
            if told == events:
                break
    finally:
        await writer.close()
    with psycopg.connect(url, autocommit=True) as connection:
        make_checkpoint(connection, keys, checkpoints)


def event_bytes(size: int = 500) -> bytes:
    """Return the stored bytes of a reported deviation, of about so many bytes; the same each time."""
    fact = DEVIATIONS.create(_attempt(_REPORTER), _reported(random.Random(1)))
    bare = len(msgspec.json.encode(fact)) - len(DESCRIPTION)
    text = (DESCRIPTION * (size // len(DESCRIPTION) + 1))[: size - bare]
    return msgspec.json.encode(msgspec.structs.replace(fact, description=text))


async def _append(writer: Writer, codec: Codec, lives: list[list[tuple[Event, bytes]]], most: int) -> int:
    def plan(allotment: Allotment) -> Plan:
        proposed = list[tuple[int, Proposed]]()
        for life in lives:
            number, name = allotment.next("deviation"), allotment.number("DEV-{year}-{n:04d}")
            stream = stream_id("deviation", number)
            for version, (event, state) in enumerate(life, 1):
                if isinstance(event, DeviationCreated):
                    state = codec.encode(msgspec.structs.replace(event, id=number, number=name))  # noqa: PLW2901
                elif isinstance(event, InvestigationRecorded):
                    state = codec.encode(  # noqa: PLW2901
                        msgspec.structs.replace(event, investigation_id=allotment.next("investigation"))
                    )
                proposed.append((version, Proposed(stream, version, event.topic, state)))
        proposed.sort(key=lambda one: one[0])
        return Plan([event for _, event in proposed][:most], result=min(most, len(proposed)))

    receipt = await writer.append(Append(plan))
    return int(receipt.result)


def _lives(templates: list[list[tuple[Event, bytes]]]) -> Iterator[list[list[tuple[Event, bytes]]]]:
    chance = random.Random(2)
    while True:
        lives: list[list[tuple[Event, bytes]]] = []
        while sum(map(len, lives)) < _APPEND_EVENTS:
            lives.append(chance.choice(templates))
        yield lives


def _templates(codec: Codec) -> list[list[tuple[Event, bytes]]]:
    chance = random.Random(3)
    person = UUID(int=7, version=4)
    return [[(event, codec.encode(event)) for event in _story(chance, codec.vault, person)] for _ in range(_STORIES)]


def _story(chance: random.Random, vault: Vault, person: UUID) -> list[Event]:
    """Return one life cycle, decided step by step; most are told to the end."""
    at = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    stream = stream_id("deviation", 1)
    fact = rules.report(_attempt(_REPORTER), _reported(chance), DEFAULT)
    events: list[Event] = [msgspec.structs.replace(fact, id=1, number="DEV-2026-0001")]
    record = DEVIATIONS.evolve(None, Recorded(1, stream, 1, at, events[0]))
    steps = chance.choice((1, 3, 5, 6, 9, 9))
    while len(events) < steps and (event := _next(record, chance, vault, person)) is not None:
        events.append(event)
        record = DEVIATIONS.evolve(record, Recorded(len(events), stream, len(events), at, event))
    return events


def _next(it: Deviation, chance: random.Random, vault: Vault, person: UUID) -> Event | None:
    found = {
        "root_cause_analysis": "The step was not described clearly enough in the procedure.",
        "investigation_method": chance.choice(("FIVE_WHYS", "FISHBONE", "CHECKLIST")),
        "findings": "No effect on released material; the procedure is revised and the staff trained.",
    }
    if it.status == "UNDER_INVESTIGATION" and it.investigation is None:
        return rules.record_findings(it, _attempt(_INVESTIGATOR), found)
    who, trigger = {
        "OPEN": (_MANAGER, "assign_investigator"),
        "UNDER_INVESTIGATION": (_INVESTIGATOR, "submit_investigation"),
        "PENDING_DEPARTMENT_REVIEW": (_HEAD, "approve_department"),
        "PENDING_QA_REVIEW": (_MANAGER, "approve_qa"),
        "PENDING_MANAGEMENT_APPROVAL": (_DIRECTOR, "approve"),
        "APPROVED": (_MANAGER, "close"),
    }.get(it.status, (_MANAGER, ""))
    if not trigger:
        return None
    step = DEVIATIONS.step(trigger)
    signature = _signature(it, who, vault, person) if step.signed else None
    attempt = msgspec.structs.replace(_attempt(who), signature=signature, eligible=frozenset({_INVESTIGATOR.id or 0}))
    data = {"investigator": _INVESTIGATOR.id} if trigger == "assign_investigator" else {}
    return rules.advance(it, step, attempt, data, DEFAULT)


def _signature(it: Deviation, who: Actor, vault: Vault, person: UUID) -> Signature:
    return Signature(
        signer=who.id or 0,
        name=vault.personal(person, "name", {"name": "Grace Okello"}),
        meaning="I have reviewed this record and approve it.",
        at=it.updated_at,
        stream=it.stream,
        version=it.version + 1,
        digest="sha256:" + "5e" * 32,
        seal="a7" * 32,
    )


def _attempt(actor: Actor) -> Attempt:
    source = Source(address="10.20.30.40", token="6f1d2a60-3b0e-4a7c-9b62-0d6c1f8a4e21")
    request = "req_5f0c1d2e3a4b5c6d"
    return Attempt(actor=actor, source=source, request=request, correlation=request)


def _reported(chance: random.Random) -> dict[str, object]:
    return {
        "title": chance.choice(("Balance out of calibration", "Temperature excursion", "Filter integrity failed")),
        "description": DESCRIPTION,
        "category": chance.choice(("EQUIPMENT", "MATERIAL", "PROCEDURAL")),
        "classification": chance.choices(("MINOR", "MAJOR", "CRITICAL"), (5, 4, 1))[0],
        "department": chance.choice(("Production", "Quality Control", "Warehouse")),
        "priority": chance.choice(("LOW", "MEDIUM", "HIGH")),
        "related_batch": f"B{chance.randint(24000, 24999)}",
    }
