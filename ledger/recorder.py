"""The ledger as a persistence module of the `eventsourcing` library: its recorders, on our table and write path.

Events of the library's applications go through the same writer as ours, so positions, order and tree are the same for
both. Snapshots and tracking are the library's own tables, outside the tree.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from eventsourcing import persistence
from eventsourcing.persistence import Notification, StoredEvent, Tracking
from eventsourcing.postgres import (
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresFactory,
    PostgresProcessRecorder,
)
from eventsourcing.utils import retry
from psycopg import AsyncConnection
from psycopg.sql import SQL

from domain.errors import Unavailable
from ledger.append import CHANNEL, Allotment, OutcomeUnknown, Plan, Proposed, Receipt, Statement, VersionConflict
from ledger.migrate import SchemaError, check, migrate
from ledger.queries import queries
from ledger.thread import WriterThread

_SQL = queries("ledger", "library")
_PACKAGES = ("ledger",)
_Recorder = TypeVar("_Recorder", bound=persistence.ApplicationRecorder)
_AWAY = (persistence.InterfaceError, persistence.OperationalError)

#: psycopg's errors and the library's, both named by PEP 249; the nearest first.
_ERRORS: Sequence[tuple[type[psycopg.Error], type[persistence.PersistenceError]]] = (
    (psycopg.InterfaceError, persistence.InterfaceError),
    (psycopg.OperationalError, persistence.OperationalError),
    (psycopg.errors.DivisionByZero, persistence.IntegrityError),  # Tracking that does not move on.
    (psycopg.DataError, persistence.DataError),
    (psycopg.IntegrityError, persistence.IntegrityError),
    (psycopg.InternalError, persistence.InternalError),
    (psycopg.ProgrammingError, persistence.ProgrammingError),
    (psycopg.NotSupportedError, persistence.NotSupportedError),
    (psycopg.DatabaseError, persistence.DatabaseError),
    (psycopg.Error, persistence.PersistenceError),
)


class _NotRecordedError(persistence.OperationalError):
    """The database is away and nothing was recorded: asking again is safe."""


class LedgerApplicationRecorder(PostgresApplicationRecorder):
    """The library's events in `ledger.events`; notification ids are positions, and have no gaps."""

    #: The writer of the factory that made this recorder.
    writer: WriterThread

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "stored_events") -> None:
        """Work on a datastore; the table's name does not matter, since there is one table of events."""
        super().__init__(datastore, events_table_name=events_table_name)
        self.sql_create_statements.clear()
        self.channel_name = CHANNEL
        self.select_events_statement = SQL(_SQL.select_events).format()
        self.max_notification_id_statement = SQL(_SQL.max_notification_id).format()

    def create_table(self) -> None:
        """Prepare an empty database, as its owner. Raises SchemaError where it is older, or newer, than this code."""
        with psycopg.connect(**_arguments(self.datastore), autocommit=True) as connection:
            try:
                check(connection, _PACKAGES, others=True)
            except SchemaError:
                migrate(connection, _PACKAGES, connection.info.user, others=True)
        super().create_table()

    @retry(_NotRecordedError, max_attempts=10, wait=0.2)
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append events, all or none, and return their positions; None where there is none.

        Raises the library's IntegrityError where a stream has one of the versions, OperationalError where it is not
        known whether they were recorded, and otherwise what its own recorder would.
        """
        events = [_proposed(event) for event in stored_events]
        statements = self._statements(**kwargs)
        if not events and not statements:
            return None
        receipt = self._append(events, statements)
        return list(range(receipt.position - len(events) + 1, receipt.position + 1)) or None

    def _statements(self, **_: Any) -> list[Statement]:
        """Return what is committed with the events."""
        return []

    def _append(self, events: Sequence[Proposed], statements: Sequence[Statement]) -> Receipt:
        def plan(_: Allotment) -> Plan:
            return Plan(events, statements)

        try:
            return self.writer.append(plan, [(event.stream, event.version) for event in events], strict=False)
        except VersionConflict as conflict:
            raise persistence.IntegrityError(str(conflict)) from conflict
        except OutcomeUnknown as unknown:
            raise persistence.OperationalError(str(unknown)) from unknown
        except Unavailable as away:
            raise _NotRecordedError(str(away)) from away
        except psycopg.Error as error:
            raise next(theirs for ours, theirs in _ERRORS if isinstance(error, ours))(str(error)) from error

    @retry(_AWAY, max_attempts=10, wait=0.2)
    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return up to `limit` events from `start` to `stop`, in position order; only those of `topics`, if any."""
        after = 0 if start is None else start - inclusive_of_start
        asked = {"after": after, "stop": stop, "topics": list(topics) or None, "limit": limit}
        with self.datastore.get_connection() as connection:
            rows = connection.execute(_SQL.select_notifications, asked, prepare=True).fetchall()
        return [Notification(**row) for row in rows]


class LedgerProcessRecorder(PostgresProcessRecorder, LedgerApplicationRecorder):
    """Events in the ledger, and the position of what they came from, committed together."""

    def __init__(
        self,
        datastore: PostgresDatastore,
        *,
        events_table_name: str = "stored_events",
        tracking_table_name: str = "notification_tracking",
    ) -> None:
        """Work on a datastore; the tracking is in a table of that name."""
        super().__init__(datastore, events_table_name=events_table_name, tracking_table_name=tracking_table_name)

    def _statements(self, tracking: Tracking | None = None, **_: Any) -> list[Statement]:
        if tracking is None:
            return []
        insert = self.insert_tracking_statement
        if self.datastore.single_row_tracking:
            insert = SQL(_SQL.must_move_on).format(insert=insert)
        moved = {"application_name": tracking.application_name, "notification_id": tracking.notification_id}
        return [Statement(insert.as_string(), moved)]


class Factory(PostgresFactory):
    """What `PERSISTENCE_MODULE=ledger` constructs. It reads the library's POSTGRES_* variables.

    Connected as owner, it prepares an empty database by itself; as the application's role it needs one that is ready,
    and `CREATE_TABLE=no` where snapshots or tracking are used.
    """

    application_recorder_class = LedgerApplicationRecorder
    process_recorder_class = LedgerProcessRecorder

    def __init__(self, env: Any) -> None:
        """Read the variables; nothing is opened. Raises OSError where one is missing or can't be served."""
        super().__init__(env)
        if self.datastore.originator_id_type != "uuid":
            raise OSError(f"The ledger takes UUIDs only: {self.ORIGINATOR_ID_TYPE} must be 'uuid'.")
        self._writer = WriterThread(partial(_connect, self.datastore))

    def application_recorder(self) -> persistence.ApplicationRecorder:
        """Return a recorder of events."""
        return self._with_writer(super().application_recorder())

    def process_recorder(self) -> persistence.ProcessRecorder:
        """Return a recorder of events and tracking."""
        return self._with_writer(super().process_recorder())

    def close(self) -> None:
        """Write what is waiting, and close every connection."""
        self._writer.close()
        super().close()

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close as `close` does."""
        self._writer.close()
        super().__exit__(kind, raised, trace)

    def _with_writer(self, recorder: _Recorder) -> _Recorder:
        if not isinstance(recorder, LedgerApplicationRecorder):
            raise OSError(f"{type(recorder).__name__} does not record in the ledger.")
        recorder.writer = self._writer
        return recorder


def _proposed(event: StoredEvent) -> Proposed:
    if not isinstance(event.originator_id, UUID):
        raise persistence.ProgrammingError(f"The ledger takes UUIDs only, not {event.originator_id!r}.")
    return Proposed(event.originator_id, event.originator_version, event.topic, event.state)


def _arguments(datastore: PostgresDatastore) -> dict[str, Any]:
    """Return how to connect as a datastore does."""
    pool = datastore.pool
    assert isinstance(pool.kwargs, Mapping)  # noqa: S101 - the library's own pool
    arguments = {name: value for name, value in pool.kwargs.items() if name != "row_factory"}
    if pool.get_password_func is not None:
        arguments["password"] = pool.get_password_func()
    return arguments


async def _connect(datastore: PostgresDatastore) -> AsyncConnection[Any]:
    return await AsyncConnection.connect(**_arguments(datastore), autocommit=True)
