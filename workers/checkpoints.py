"""Signing the tree's head every few seconds, and once more at the end."""

import asyncio
from pathlib import Path
from typing import Any

import psycopg

from ledger.checkpoint import make_checkpoint
from ledger.connect import conninfo
from ledger.keys import Keys


class Checkpoints:
    """Makes checkpoints on a connection of its own, in a thread: they wait for the disk."""

    def __init__(self, database_url: str, keys: Keys, file: Path) -> None:
        """Prepare; nothing is opened before the first one."""
        self._conninfo = conninfo(database_url, "checkpoints")
        self._keys = keys
        self._file = file
        self._connection: psycopg.Connection[Any] | None = None

    async def once(self) -> None:
        """Sign the tree as it is, if it has grown. Raises what `make_checkpoint` does."""
        await asyncio.to_thread(self._make)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _make(self) -> None:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._conninfo, autocommit=True)
            make_checkpoint(self._connection, self._keys, self._file)
        except psycopg.Error:
            self.close()
            raise
