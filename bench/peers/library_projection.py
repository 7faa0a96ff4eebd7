"""The stock ProjectionRunner: a view of deviations, one row written for each event, with its tracking.

The library's own application holds the same facts of the same deviations, as its users would write them down.
"""

import time
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from bench.peers.library import environment
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.vault import Vault

VIEW = "library_deviations"
_CREATE = f"""
CREATE TABLE IF NOT EXISTS {VIEW} (
    id bigint PRIMARY KEY, number text NOT NULL, version bigint NOT NULL, status text NOT NULL, title text NOT NULL,
    description text NOT NULL, category text NOT NULL, classification text NOT NULL, department text NOT NULL,
    priority text NOT NULL
)
"""
_INSERT = f"INSERT INTO {VIEW} VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_UPDATE = f"UPDATE {VIEW} SET version = %s, status = %s WHERE id = %s"
_SHOWN = ("title", "description", "category", "classification", "department", "priority")


class LibraryDeviation(Aggregate):
    """A deviation in the library's way."""

    @event("Reported")
    def __init__(self, record_id: int, number: str, fields: dict[str, str]) -> None:
        """Report it."""
        self.record_id = record_id
        self.number = number
        self.fields = fields
        self.status = "OPEN"

    @event("Advanced")
    def advance(self, record_id: int, topic: str, status: str, data: dict[str, Any]) -> None:  # noqa: ARG002
        """Take a step; the event keeps what the aggregate does not."""
        self.status = status


class LibraryDeviations(Application[UUID]):
    """The library's application."""


class View(PostgresTrackingRecorder):
    """The library's view: a table, and how far it has come, in one transaction an event."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.sql_create_statements.append(SQL(_CREATE))

    def take(self, statement: str, values: tuple[Any, ...], tracking: Tracking) -> None:
        """Write one event's row."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement.encode(), values, prepare=True)


class Deviations(Projection[View]):
    """The library's projection."""

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Turn an event into its row."""
        it, version = domain_event, domain_event.originator_version
        if type(it).__name__ == "Reported":
            shown = tuple(it.fields[name] for name in _SHOWN)
            self.view.take(_INSERT, (it.record_id, it.number, version, "OPEN", *shown), tracking)
        else:
            self.view.take(_UPDATE, (version, it.status, it.record_id), tracking)


def fill(url: str, ledger: str, keys: str, deviations: int) -> dict[str, Any]:
    """Store the facts of the first so many deviations of our ledger in the library's tables, in their order."""
    codec, stored = Codec(Vault(Keys(Path(keys)))), 0
    open_ones: dict[UUID, LibraryDeviation] = {}
    with psycopg.connect(ledger) as connection, LibraryDeviations(env=environment(url)) as app:
        for stream, topic, state in connection.execute(_FACTS, (deviations,), binary=True):
            fact: Any = codec.decode(topic, state)
            if topic == "deviation.created":
                fields = {name: getattr(fact, name) for name in _SHOWN}
                open_ones[stream] = LibraryDeviation(record_id=fact.id, number=fact.number, fields=fields)
            else:
                it = open_ones[stream]
                data = msgspec.to_builtins(msgspec.structs.replace(fact, signature=None))
                it.advance(it.record_id, topic, fact.to_state or it.status, data)
            app.save(open_ones[stream])
            stored += 1
        app.close()
    return {"events": stored}


_FACTS = """
SELECT originator_id, topic, state FROM ledger.events
WHERE originator_id IN (SELECT stream FROM views.deviations WHERE id <= %s) ORDER BY position
"""


def project(url: str, events: int) -> dict[str, Any]:
    """Build the view from nothing."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {VIEW}, deviations_tracking".encode())
    begun = time.perf_counter()
    with ProjectionRunner(
        application_class=LibraryDeviations, projection_class=Deviations, view_class=View, env=environment(url)
    ) as runner:
        runner.wait(events, timeout=600)
        took = time.perf_counter() - begun
    return {"rate": events / took, "events": events}
