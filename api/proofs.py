"""Proofs for the doors: what is known of the tree is kept, and the tree is signed where a proof needs it."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from audit.bundle import ProofRefused, bundle, consistency
from domain.errors import Conflict, NotFound, Unavailable
from ledger.checkpoint import make_checkpoint
from ledger.keys import KeyMissing, Keys
from ledger.note import NoteError
from ledger.subtrees import Subtrees

log = structlog.get_logger(__name__)

#: Proofs that are made at once: the first over a large ledger may take seconds, and each holds one of few connections.
_AT_ONCE = 2
#: How long another process may take to sign.
_WAIT = "SET lock_timeout = '5s'"


class Proofs:
    """Makes proofs of one ledger. Raises of each: NotFound, Conflict where none can be given, Unavailable."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], keys: Keys, checkpoints: Path | None) -> None:
        """Prepare. checkpoints: the file outside the database; without it nothing is signed here."""
        self._pool = pool
        self._keys = keys
        self._file = checkpoints
        self._subtrees = Subtrees()
        self._signing = asyncio.Lock()
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def bundle(self, stream: UUID) -> bytes:
        """Return the proof of a stream's events, its last one too: see `audit.bundle.bundle`."""
        sign = None if self._file is None else self._sign
        async with self._places, self._pool.connection() as connection:
            return await _given(bundle(connection, self._keys, stream, sign=sign, subtrees=self._subtrees))

    async def consistency(self, first: int | None, second: int | None) -> bytes:
        """Return the proof that one signed tree is the beginning of another: see `audit.bundle.consistency`."""
        async with self._places, self._pool.connection() as connection:
            return await _given(consistency(connection, self._keys, first, second, subtrees=self._subtrees))

    async def _sign(self) -> None:
        async with self._signing:
            try:
                await asyncio.to_thread(self._make)
            except (OSError, NoteError, KeyMissing, psycopg.Error) as error:
                log.error("checkpoint_not_made", error=str(error))  # noqa: TRY400 - disk or database failed, not the code
                raise Unavailable("The ledger could not be signed; ask again in a moment.") from error

    def _make(self) -> None:
        assert self._file is not None  # noqa: S101 - nobody signs without it
        with psycopg.connect(str(self._pool.conninfo), autocommit=True) as connection:
            connection.execute(_WAIT)
            make_checkpoint(connection, self._keys, self._file)


async def _given(made: Awaitable[bytes]) -> bytes:
    try:
        return await made
    except LookupError as error:
        raise NotFound(str(error)) from error
    except ProofRefused as error:
        log.error("proof_refused", why=str(error))  # noqa: TRY400 - the record is wrong, not the code
        raise Conflict(str(error)) from error
