"""One attempt at a delivery, in stages: prepare, sign, send, record, schedule."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ledger.keys import KeyMissing
from ledger.queries import queries
from ledger.vault import Vault
from projections.delivery_log import body_context
from projections.webhook_secrets import read_secrets
from workers.webhooks.client import Client
from workers.webhooks.schedule import DELIVERED, FAILED, PENDING, Answer, Verdict, judge
from workers.webhooks.sign import signed_headers

log = structlog.get_logger(__name__)

_SQL = queries("workers", "deliveries")
_HEADERS = {"content-type": "application/json", "user-agent": "Flowledger-Webhooks/1"}
_GONE = "the endpoint answered 410 Gone"

Pool = AsyncConnectionPool[AsyncConnection[Any]]


class Endpoint(NamedTuple):
    """Where deliveries go, whether they do now, and why they never do again."""

    id: int
    url: str
    told: bool
    ended: str | None


class Delivery(NamedTuple):
    """A delivery that is due; its body sealed. `attempts_before` it was asked for again, of all its attempts."""

    id: str
    stream: UUID
    position: int
    event: str
    body: bytes
    attempts: int
    attempts_before: int


class Prepared(NamedTuple):
    """What an attempt sends: the body's exact bytes, and the secrets that sign it."""

    body: bytes
    secrets: Sequence[str]


class Courier:
    """Makes attempts, and records how they end."""

    def __init__(
        self,
        pool: Pool,
        vault: Vault,
        client: Client,
        schedule: Sequence[float],
        *,
        now: Callable[[], datetime],
        draw: Callable[[], float],
    ) -> None:
        """Work with a clock and a source of random numbers from 0 to below 1."""
        self._pool = pool
        self._vault = vault
        self._client = client
        self._schedule = schedule
        self._now = now
        self._draw = draw

    async def attempt(self, endpoint: Endpoint, delivery: Delivery) -> bool:
        """Make one attempt; False where somebody else has recorded one meanwhile, and ours counts for nothing.

        Raises psycopg.Error where it can't be recorded: then it is made again, with the same id.
        """
        begun = self._now()
        answer = await self._answer(endpoint, delivery, begun)
        verdict = self._schedule_next(delivery, answer)
        _tell(endpoint, delivery, answer, verdict)
        return await self._record(endpoint, delivery, answer, verdict, begun)

    async def _answer(self, endpoint: Endpoint, delivery: Delivery, begun: datetime) -> Answer:
        try:
            prepared = await self._prepare(endpoint, delivery)
            return await self._send(endpoint, delivery, prepared, begun)
        except psycopg.Error:
            raise
        except KeyMissing as missing:
            return Answer(error=f"not sent: {missing}")
        except Exception as error:  # A fault of ours is recorded and backed off like any other.
            log.exception("attempt_failed", endpoint=endpoint.id, message=delivery.id)
            return Answer(error=type(error).__name__)

    async def _prepare(self, endpoint: Endpoint, delivery: Delivery) -> Prepared:
        async with self._pool.connection() as connection:
            secrets = await read_secrets(connection, endpoint.id, self._vault)
        if not secrets:
            raise KeyMissing(f"webhook {endpoint.id} has no secret.")
        return Prepared(self._vault.open(delivery.body, body_context(delivery.id)), secrets)

    async def _send(self, endpoint: Endpoint, delivery: Delivery, prepared: Prepared, at: datetime) -> Answer:
        signed = signed_headers(prepared.secrets, delivery.id, int(at.timestamp()), prepared.body)
        return await self._client.post(endpoint.url, _HEADERS | signed, prepared.body)

    def _schedule_next(self, delivery: Delivery, answer: Answer) -> Verdict:
        attempts = delivery.attempts - delivery.attempts_before + 1
        return judge(answer, attempts, self._schedule, self._draw(), self._now())

    async def _record(
        self, endpoint: Endpoint, delivery: Delivery, answer: Answer, verdict: Verdict, begun: datetime
    ) -> bool:
        values = {
            "id": delivery.id,
            "endpoint": endpoint.id,
            "stream": delivery.stream,
            "attempts": delivery.attempts,
            "state": verdict.state,
            "wait": verdict.wait,
            "status": answer.status,
            "error": _storable(answer.error),
            "milliseconds": answer.milliseconds,
            "at": begun,
            "first_wait": self._schedule[0],
            "reason": _GONE,
        }
        async with self._pool.connection() as connection, connection.transaction():
            # The endpoint before its deliveries, as the dispatcher has it: so that nobody waits in a circle.
            async with connection.pipeline():
                await connection.execute(_health(verdict), values, prepare=True)
                settled = await connection.execute(_SQL.settle, values, prepare=True)
            if settled.rowcount != 1:
                raise psycopg.Rollback
            # Each its own statement, so that `promote` sees what the dispatcher added while `settle` waited for it.
            async with connection.pipeline():
                await connection.execute(_SQL.log_attempt, values, prepare=True)
                if verdict.state != PENDING:
                    await connection.execute(_SQL.promote, values, prepare=True)
            return True
        return False


def _storable(error: str | None) -> str | None:
    """Return an error's text without what the database does not take: part of it may be what the target said."""
    return None if error is None else error.encode(errors="replace").decode().replace("\0", "\ufffd")


def _health(verdict: Verdict) -> LiteralString:
    """Return what an attempt says of its endpoint."""
    return _SQL.well if verdict.state == DELIVERED else _SQL.disable if verdict.gone else _SQL.failing


def _tell(endpoint: Endpoint, delivery: Delivery, answer: Answer, verdict: Verdict) -> None:
    level = {DELIVERED: log.info, PENDING: log.warning, FAILED: log.error}[verdict.state]
    level(
        f"webhook_{'retried_later' if verdict.state == PENDING else verdict.state}",
        endpoint=endpoint.id,
        message=delivery.id,
        event_name=delivery.event,
        attempt=delivery.attempts + 1,
        status=answer.status,
        error=answer.error,
        milliseconds=answer.milliseconds,
        **({"again_in": round(verdict.wait, 1)} if verdict.wait is not None else {}),
    )
