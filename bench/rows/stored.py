"""What the appending sides have stored, compared: as many rows as were acknowledged, of the same bytes."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import psycopg

from bench.child import call
from bench.history import event_bytes
from bench.plan import Sample, Side

TOPIC = "deviation.created"
STATE = event_bytes().decode()


class Appender(NamedTuple):
    """A side that appends: the function that does it, what it is given beside the row, and where the row ends up."""

    function: str
    given: Mapping[str, Any]
    url: str
    table: str


def sides(appenders: Mapping[str, Appender], seconds: float) -> dict[str, Side]:
    """Return appenders as sides, once each has shown that it stores what it acknowledges."""
    for name, appender in appenders.items():
        _append(appender, 0.1)  # Some make their table only now.
        before = _rows(appender)
        stored = _append(appender, 1.0)["stored"]
        assert _rows(appender) - before == stored, f"{name} did not store what it acknowledged"
        assert _odd(appender) == 0, f"{name} stored another row"
    return {name: _side(appender, seconds) for name, appender in appenders.items()}


def _side(appender: Appender, seconds: float) -> Callable[[], Sample]:
    def side() -> Sample:
        done = _append(appender, seconds)
        return Sample(done["rate"], done["memory"])

    return side


def _append(appender: Appender, seconds: float) -> dict[str, Any]:
    return call(appender.function, url=appender.url, seconds=seconds, topic=TOPIC, state=STATE, **appender.given)


def _rows(appender: Appender) -> int:
    return _ask(appender, f"SELECT count(*) FROM {appender.table} WHERE topic = %s", TOPIC)


def _odd(appender: Appender) -> int:
    return _ask(
        appender,
        f"SELECT count(*) FROM {appender.table} WHERE topic = %s AND (originator_version <> 1 OR state <> %s)",
        TOPIC,
        STATE.encode(),
    )


def _ask(appender: Appender, statement: str, *values: Any) -> int:
    with psycopg.connect(appender.url, autocommit=True) as connection:
        row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return int(row[0])
