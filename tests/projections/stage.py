"""A ledger with deviations, CAPAs and users in it, and the read models on it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from domain.events import Event, stream_id
from domain.platform.users import UserCreated, UserUpdated
from domain.quality import capa_facts
from domain.quality import deviation_facts as facts
from ledger.append import CHANNEL, Allotment, Append, Plan, Proposed
from ledger.bell import Bell
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.vault import Vault
from ledger.writer import Writer
from projections.consumer import Consumer
from projections.registry import NAMES, ensure_tables, read_models
from projections.runner import Runner
from tests.support.database import Database

POLL = 0.05
#: When a CAPA of here is to be completed, once it is said.
DUE = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _borne(events: Sequence[Event]) -> dict[str, int]:
    """Return the numbers of counters that events bear, as an append allots them."""
    borne = {}
    for event in events:
        for field, pattern in event.numbered.items():
            value = getattr(event, field)
            name, _, base = pattern.partition("+")
            before, _, number = value.rpartition("-") if isinstance(value, str) else ("", "", value - int(base or 0))
            borne[f"{before}-" if before else name] = int(number)
    return borne


class Stage:
    """Appends facts as the API would, runs the read models, and looks into their tables."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.url = database.app_dsn
        self.folder = folder
        self.vault = Vault(Keys(folder / "keys"))
        self.codec = Codec(self.vault)
        self.writer = Writer(partial(connect, self.url, "test writer"))
        self.versions: dict[UUID, int] = {}
        self.users = self.deviations = self.capas = 0

    async def open(self) -> None:
        """Connect, and make the tables."""
        self.connection = await connect(self.url, "test")
        await ensure_tables(self.connection)

    async def close(self) -> None:
        await self.writer.close()
        await self.connection.close()

    async def user(self, name: str = "jdoe") -> int:
        self.users += 1
        stream = stream_id("user", self.users)
        personal = self.vault.personal(stream, "name", {"username": name, "first_name": "Jo", "last_name": "Doe"})
        contact = self.vault.personal(stream, "contact", {"email": "jo@example.com"})
        await self.append(stream, UserCreated(id=self.users, name=personal, contact=contact, to_state="active"))
        return self.users

    async def rename(self, user: int, name: str) -> None:
        stream = stream_id("user", user)
        await self.append(stream, UserUpdated(name=self.vault.personal(stream, "name", {"username": name})))

    async def deviation(self, title: str = "Wrong label", actor: int | None = None, steps: int = 0) -> int:
        """Report a deviation, and take it some steps further, four at most."""
        self.deviations += 1
        number = self.deviations
        await self.append(stream_id("deviation", number), created(number, title, actor))
        for step in STEPS[:steps]:
            await self.move(number, step)
        return number

    async def capa(self, title: str = "Better labels", steps: int = 0, **fields: Any) -> int:
        """Open a CAPA, and take it some steps further, five at most."""
        self.capas += 1
        stream = stream_id("capa", self.capas)
        await self.append(stream, opened(self.capas, title, **fields), *CAPA_STEPS[:steps])
        return self.capas

    async def crowd(self, count: int) -> None:
        """Report many deviations in one append."""
        first, self.deviations = self.deviations + 1, self.deviations + count
        state = {number: self.codec.encode(created(number)) for number in range(first, self.deviations + 1)}
        events = [Proposed(stream_id("deviation", number), 1, "deviation.created", state[number]) for number in state]
        await self.writer.append(Append(lambda _: Plan(events)))

    async def edit(self, number: int, title: str) -> None:
        await self.move(number, facts.DeviationUpdated(title=title, from_state="OPEN", to_state="OPEN"))

    async def move(self, number: int, *events: Event) -> None:
        if events:
            await self.append(stream_id("deviation", number), *events)

    async def append(self, stream: UUID, *events: Event) -> int:
        states = [(event.topic, self.codec.encode(event)) for event in events]
        return await self.append_raw(stream, *states, borne=_borne(events))

    async def append_raw(
        self, stream: UUID, *states: tuple[str, bytes], borne: Mapping[str, int] = MappingProxyType({})
    ) -> int:
        """Append any names and bytes, which bear these numbers of counters; return the last position."""
        first = self.versions.get(stream, 0) + 1
        proposed = [Proposed(stream, first + place, topic, state) for place, (topic, state) in enumerate(states)]
        self.versions[stream] = first + len(states) - 1

        def plan(allotment: Allotment) -> Plan:
            allotment.taken.update(borne)
            return Plan(proposed)

        append = Append(plan, [(stream, event.version) for event in proposed])
        return (await self.writer.append(append)).position

    async def foreign(self, count: int, topic: str = "library:Thing") -> None:
        """Append events whose names are not ours."""
        await self.append_raw(uuid4(), *[(topic, b"\x00 no JSON")] * count)

    def runner(
        self, consumers: Sequence[Consumer] | None = None, *, batch: int = 2000, connector: Any = None
    ) -> Runner:
        bell = Bell(partial(connect, self.url, "test bell"), CHANNEL)
        return Runner(
            connector or partial(connect, self.url, "test runner"),
            self.codec,
            read_models(self.codec) if consumers is None else consumers,
            bell,
            poll_seconds=POLL,
            batch=batch,
        )

    @asynccontextmanager
    async def running(self, *runners: Runner) -> AsyncIterator[None]:
        """Have runners at work for a while."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(runner.run(stop)) for runner in runners or (self.runner(),)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(asyncio.gather(*tasks), 10)

    async def run(self, consumers: Sequence[Consumer] | None = None, *, batch: int = 2000) -> None:
        """Run until every consumer has passed all there is."""
        head = await self.head()
        runner = self.runner(consumers, batch=batch)
        async with self.running(runner):
            await until(lambda: self.all_passed(head, consumers))

    async def head(self) -> int:
        return int((await self.rows("SELECT size FROM ledger.head"))[0][0])

    async def all_passed(self, position: int, consumers: Sequence[Consumer] | None = None) -> bool:
        names = [consumer.name for consumer in (read_models(self.codec) if consumers is None else consumers)]
        found = await self.rows(
            "SELECT count(*) FROM ops.positions WHERE position >= %s AND name = ANY(%s)", position, names
        )
        return bool(found[0][0] == len(names))

    async def forget(self) -> None:
        """Begin with the read models anew."""
        await self.connection.execute(f"TRUNCATE {', '.join(NAMES)}")
        await self.connection.execute("DELETE FROM ops.positions")

    async def table(self, name: str) -> list[tuple[Any, ...]]:
        return await self.rows(f"SELECT * FROM {name} ORDER BY 1, 2")

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = await self.connection.execute(query, values)
        return list(await cursor.fetchall())


def created(number: int, title: str = "Wrong label", actor: int | None = None) -> Event:
    return facts.DeviationCreated(
        id=number,
        number=f"DEV-2026-{number:04d}",
        title=title,
        description="Seen on line 4.",
        category="MATERIAL",
        classification="MINOR",
        department="QA",
        due_days=30,
        actor=actor,
        to_state="OPEN",
    )


def opened(number: int, title: str = "Better labels", **fields: Any) -> Event:
    given = {"description": "For line 4.", "department": "QA", "to_state": "INITIATED", **fields}
    return capa_facts.CapaCreated(id=number, number=f"CAPA-2026-{number:04d}", title=title, **given)


STEPS: tuple[Event, ...] = (
    facts.InvestigatorAssigned(investigator=1, from_state="OPEN", to_state="UNDER_INVESTIGATION", comment="please"),
    facts.InvestigationRecorded(
        investigation_id=1,
        root_cause_analysis="The label was changed.",
        investigation_method="FIVE_WHYS",
        findings="None of it was shipped.",
        from_state="UNDER_INVESTIGATION",
        to_state="UNDER_INVESTIGATION",
    ),
    facts.InvestigationSubmitted(
        chain=("department",), from_state="UNDER_INVESTIGATION", to_state="PENDING_DEPARTMENT_REVIEW"
    ),
    facts.DepartmentApproved(actor=1, from_state="PENDING_DEPARTMENT_REVIEW", to_state="APPROVED"),
)


CAPA_STEPS: tuple[Event, ...] = (
    capa_facts.OwnerAssigned(owner=1, from_state="INITIATED", to_state="INITIATED"),
    capa_facts.InvestigationStarted(actor=1, from_state="INITIATED", to_state="INVESTIGATION"),
    capa_facts.CapaUpdated(
        priority="URGENT", target_completion_date=DUE, from_state="INVESTIGATION", to_state="INVESTIGATION"
    ),
    capa_facts.ActionAdded(
        action_id=1,
        action_kind="CORRECTIVE",
        description="Print them anew",
        from_state="INVESTIGATION",
        to_state="INVESTIGATION",
    ),
    capa_facts.Cancelled(reason="no use", from_state="INVESTIGATION", to_state="CANCELLED"),
)


async def until(holds: Any, seconds: float = 15.0) -> None:
    """Wait until something holds; fail where it does not in time."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - only the database can tell
            await asyncio.sleep(0.02)
