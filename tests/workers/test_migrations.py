"""What an older version left behind goes on."""

from typing import Any

import psycopg
from psycopg import sql

from domain.events import stream_id
from flowledger.schema import PACKAGES, bring_up
from ledger.migrate import _PREPARE, migrations
from tests.support.database import Database


def older(database: Database, owner: psycopg.Connection[Any], before: str) -> None:
    """Bring a database up to where the workers' migrations did not have this one yet."""
    owner.execute(_PREPARE)
    app = str(psycopg.conninfo.conninfo_to_dict(database.app_dsn)["user"])
    for migration in migrations(PACKAGES):
        if migration.package == "workers" and migration.name >= before:
            continue
        owner.execute(sql.SQL(migration.text()).format(app=sql.Identifier(app)))
        owner.execute("INSERT INTO ledger.migrations (package, name) VALUES (%s, %s)", migration)


def test_deliveries_of_before_are_in_the_log_and_what_waits_is_sent(empty_database: Database) -> None:
    stream = stream_id("deviation", 7)
    with psycopg.connect(empty_database.owner_dsn, autocommit=True) as owner:
        older(empty_database, owner, "0004_redelivery.sql")
        owner.execute(
            "INSERT INTO ledger.events VALUES"
            " (1, %(stream)s, 1, 'deviation.created', '{\"id\": 7, \"title\": \"Über\"}', '2026-01-02T03:04:05Z'),"
            " (2, %(stream)s, 2, 'deviation.updated', '{}', '2026-01-02T03:04:06Z')",
            {"stream": stream},
        )
        owner.execute(
            "INSERT INTO ops.endpoints (id, stream, position, url, events, active)"
            " VALUES (1, %s, 0, 'https://example.com', '{{}}', true)",
            (stream_id("webhook", 1),),
        )
        owner.execute(
            "INSERT INTO ops.deliveries (id, endpoint_id, stream, position, event, body, state, next_attempt_at) VALUES"
            " ('msg_1', 1, %(stream)s, 1, 'deviation.created', NULL, 'delivered', NULL),"
            " ('msg_2', 1, %(stream)s, 2, 'deviation.updated', 'sealed', 'pending', now())",
            {"stream": stream},
        )
    bring_up(empty_database.owner_dsn, empty_database.app_dsn)
    with psycopg.connect(empty_database.app_dsn) as connection:
        log = connection.execute(
            "SELECT id, record, recorded_at::text, state, body, next_attempt_at IS NOT NULL"
            " FROM ops.delivery_log ORDER BY position"
        ).fetchall()
        assert connection.execute("SELECT id FROM ops.redeliverable").fetchall() == []
    assert log == [
        ("msg_1", 7, "2026-01-02 03:04:05+00", "delivered", None, False),
        ("msg_2", 7, "2026-01-02 03:04:06+00", "pending", b"sealed", True),
    ]
