"""The `eventsourcing` library's own cases, and its stock applications, on the ledger."""

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    DataError,
    InfrastructureFactory,
    IntegrityError,
    OperationalError,
    ProcessRecorder,
    ProgrammingError,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.postgres import PostgresAggregateRecorder, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.tests import persistence as cases
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

import ledger
from ledger.recorder import LedgerApplicationRecorder, LedgerProcessRecorder
from tests.support.database import Server


def environment(dsn: str, **more: str) -> Environment:
    """Return the library's variables for a database."""
    parts = conninfo_to_dict(dsn)
    names = {"DBNAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    variables = {f"POSTGRES_{name}": str(parts[part]) for name, part in names.items()}
    return Environment(env={"PERSISTENCE_MODULE": "ledger", **variables, **more})


class OnTheLedger:
    """Gives each test a database in which there is nothing, and a factory on it."""

    env: Environment
    factory: Any

    @pytest.fixture(autouse=True)
    def _on_an_empty_database(self, server: Server) -> Iterator[None]:
        with server.database(migrated=False) as database:
            self.env = environment(database.owner_dsn)
            with InfrastructureFactory.construct(self.env) as self.factory:
                yield
                self.factory.close()


class TestApplicationRecorder(OnTheLedger, cases.ApplicationRecorderTestCase):
    """The library's cases of a recorder of events."""

    def create_recorder(self) -> Any:
        """Return a recorder whose table is empty."""
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        """A subscription yields what is there and what comes."""
        self.optional_test_insert_subscribe()


class TestNonInterleaving(OnTheLedger, cases.NonInterleavingNotificationIDsBaseCase):
    """The library's case of two large appends at once."""

    def create_recorder(self) -> Any:
        """Return a recorder whose table is empty."""
        return self.factory.application_recorder()


class TestAggregateRecorder(OnTheLedger, cases.AggregateRecorderTestCase):
    """The library's cases of a recorder of snapshots."""

    def create_recorder(self) -> Any:
        """Return a recorder whose table is empty."""
        return self.factory.aggregate_recorder("snapshots")


class TestTrackingRecorder(OnTheLedger, cases.TrackingRecorderTestCase):
    """The library's cases of tracking."""

    def create_recorder(self) -> Any:
        """Return a recorder whose table is empty."""
        return self.factory.tracking_recorder()


class TestProcessRecorder(OnTheLedger, cases.ProcessRecorderTestCase):
    """The library's cases of events and tracking together."""

    def create_recorder(self) -> Any:
        """Return a recorder whose tables are empty."""
        return self.factory.process_recorder()


class OtherTracking(PostgresTrackingRecorder):
    """A tracking recorder that somebody else made."""


class TestFactory(OnTheLedger, cases.InfrastructureFactoryTestCase["ledger.Factory"]):
    """The library's cases of a factory."""

    def expected_factory_class(self) -> type["ledger.Factory"]:
        """Return what the module constructs."""
        return ledger.Factory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        """Return the class for snapshots."""
        return PostgresAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        """Return the class for events."""
        return LedgerApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        """Return the class for tracking."""
        return PostgresTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        """Return somebody else's class for tracking."""
        return OtherTracking

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        """Return the class for both."""
        return LedgerProcessRecorder


class Counter(Aggregate):
    """A stock aggregate."""

    def __init__(self) -> None:
        """Begin at nought."""
        self.value = 0

    @event("Added")
    def add(self, amount: int) -> None:
        """Add an amount."""
        self.value += amount


class Counters(Application[UUID]):
    """A stock application, with snapshots."""

    is_snapshotting_enabled = True
    snapshotting_intervals: ClassVar[dict[Any, int]] = {Counter: 2}

    def count(self, *amounts: int) -> UUID:
        """Make a counter and add amounts to it, one event each."""
        counter = Counter()
        for amount in amounts:
            counter.add(amount)
            self.save(counter)
        return counter.id

    def value(self, counter: UUID) -> int:
        """Return a counter's value."""
        loaded: Counter = self.repository.get(counter)
        return loaded.value


class Total(PostgresTrackingRecorder):
    """A view that holds how many events it was told of."""

    told: ClassVar[list[str]] = []

    def take(self, name: str, tracking: Tracking) -> None:
        """Remember an event, and how far this has come."""
        self.told.append(name)
        self.insert_tracking(tracking)


class Totals(Projection[Total]):
    """A stock projection."""

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Tell the view."""
        self.view.take(type(domain_event).__name__, tracking)


class TestStockClasses(OnTheLedger):
    """What is written for the library runs unchanged."""

    def test_application_with_snapshots(self) -> None:
        """An application saves, loads, and takes snapshots outside the tree."""
        with Counters(env=self.env) as app:
            counter = app.count(1, 2, 3)
            assert app.value(counter) == 6
            assert app.recorder.max_notification_id() == 4
            assert app.snapshots is not None
            assert len(list(app.snapshots.get(counter))) > 0
            app.close()

    def test_projection_runner(self) -> None:
        """A projection is told of every event, those before it began and those after."""
        Total.told.clear()
        with ProjectionRunner(
            application_class=Counters, projection_class=Totals, view_class=Total, env=self.env
        ) as runner:
            runner.app.count(1)
            runner.app.count(2, 3)
            runner.wait(runner.app.recorder.max_notification_id(), timeout=10)
            assert Total.told == ["Created", "Added", "Created", "Added", "Added"]
            runner.app.close()


def stored(version: int = 1, topic: str = "topic", originator: UUID | None = None) -> StoredEvent:
    """Return an event of the library's."""
    return StoredEvent(originator or uuid4(), version, topic, b"{}")


class TestRecorder(OnTheLedger):
    """What the library's cases leave open."""

    def test_failed_tracking_fails_the_events(self) -> None:
        """Tracking that does not move on leaves no event behind, and the next append takes its position."""
        recorder: Any = self.factory.process_recorder()
        assert recorder.insert_events([stored()], tracking=Tracking("upstream", 5)) == [1]
        with pytest.raises(IntegrityError):
            recorder.insert_events([stored()], tracking=Tracking("upstream", 5))
        assert recorder.insert_events([stored()], tracking=Tracking("upstream", 6)) == [2]

    def test_errors_are_the_librarys(self) -> None:
        """What PostgreSQL refuses is told in the library's words, and fails nothing else."""
        recorder = self.factory.application_recorder()
        with pytest.raises(DataError):
            recorder.insert_events([stored(topic="no\0such")])
        assert recorder.insert_events([stored()]) == [1]

    def test_text_ids_are_refused(self) -> None:
        """The ledger's streams are UUIDs, whether asked by variable or by event."""
        with pytest.raises(OSError, match="UUIDs only"):
            ledger.Factory(Environment(env={**self.env, "ORIGINATOR_ID_TYPE": "text"}))
        with pytest.raises(ProgrammingError, match="UUIDs only"):
            self.factory.application_recorder().insert_events([StoredEvent("one", 1, "topic", b"")])

    def test_closed_factory_takes_no_more(self) -> None:
        """An append after closing is refused, not lost in a queue."""
        recorder = self.factory.application_recorder()
        self.factory.close()
        with pytest.raises(OperationalError, match="closed"):
            LedgerApplicationRecorder.insert_events.__wrapped__(recorder, [stored()])

    def test_application_role(self, server: Server) -> None:
        """On a database that is ready, the application's role records and reads."""
        with (
            server.database() as database,
            InfrastructureFactory.construct(environment(database.app_dsn)) as factory,
        ):
            recorder = factory.application_recorder()
            assert recorder.insert_events([stored(), stored()]) == [1, 2]
            assert [event.id for event in recorder.select_notifications(None, 10)] == [1, 2]
            factory.close()
