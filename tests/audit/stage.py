"""A ledger whose owner may do anything to it, and a file of checkpoints that nobody but us writes."""

from pathlib import Path
from typing import Any

import psycopg

from audit.report import Report
from audit.verify import verify
from ledger.checkpoint import make_checkpoint
from ledger.keys import Keys
from ledger.merkle import Tree
from ledger.note import Checkpoint, origin_of, sign
from ledger.rows import Row, row_hash
from tests.support.database import Database
from tests.support.ledgers import fill

_TABLES = ("events", "leaves", "head", "checkpoints")


class Stage:
    """A ledger of 40 events in batches of four, with checkpoints over 12 and 24; its owner may do anything to it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.keys = Keys(folder / "keys")
        self.file = folder / "checkpoints.log"
        for batches in (3, 3, 4):
            fill(database.app_dsn, *([4] * batches))
            if batches == 3:
                self.checkpoint()

    def checkpoint(self) -> None:
        with psycopg.connect(self.database.app_dsn, autocommit=True) as connection:
            assert make_checkpoint(connection, self.keys, self.file)

    def alter(self, *statements: str, values: tuple[Any, ...] = ()) -> None:
        """Do what only the owner can."""
        with psycopg.connect(self.database.owner_dsn) as connection:
            for statement in statements:
                connection.execute(statement, values or None)

    def one(self, query: str) -> Any:
        with psycopg.connect(self.database.owner_dsn) as connection:
            row = connection.execute(query).fetchone()
            return row[0] if row else None

    def rewrite(self, upto: int | None = None, *, head: bool = True) -> None:
        """Make leaf hashes, and the head, again from the events as they are: what a careful forger would do."""
        with psycopg.connect(self.database.owner_dsn) as connection:
            rows = connection.execute("SELECT * FROM ledger.events ORDER BY position").fetchall()
            leaves = [row_hash(Row(*row)) for row in rows]
            tree = Tree()
            tree.extend(leaves)
            connection.execute("TRUNCATE ledger.leaves")
            connection.execute("INSERT INTO ledger.leaves VALUES (1, %s)", (b"".join(leaves),))
            if head:
                connection.execute(
                    "UPDATE ledger.head SET size = %s, edge = %s, recorded_at = %s", (tree.size, tree.edge, rows[-1][5])
                )

    def verify(self, **more: Any) -> Report:
        with psycopg.connect(self.database.app_dsn) as connection:
            return verify(connection, self.keys.verifiers(), **{"file": self.file, **more})

    def by_hand(self, size: int) -> Checkpoint:
        """Return a checkpoint over the first events, as the key would sign it."""
        with psycopg.connect(self.database.owner_dsn) as connection:
            rows = connection.execute("SELECT * FROM ledger.events WHERE position <= %s ORDER BY 1", (size,)).fetchall()
        tree = Tree()
        tree.extend([row_hash(Row(*row)) for row in rows])
        return sign(origin_of(self.one("SELECT identity FROM ledger.head")), size, tree.root(), self.keys.signer())

    def backup(self) -> dict[str, list[bytes]]:
        """Return the ledger's tables as they are."""
        with psycopg.connect(self.database.owner_dsn) as connection, connection.cursor() as cursor:
            copied = {}
            for table in _TABLES:
                with cursor.copy(f"COPY ledger.{table} TO STDOUT (FORMAT binary)") as copy:
                    copied[table] = [bytes(block) for block in copy]
            return copied

    def restore(self, copied: dict[str, list[bytes]]) -> None:
        """Put the ledger's tables back."""
        with psycopg.connect(self.database.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(f'ledger.{table}' for table in _TABLES)}")
            for table, blocks in copied.items():
                with cursor.copy(f"COPY ledger.{table} FROM STDIN (FORMAT binary)") as copy:
                    for block in blocks:
                        copy.write(block)


def words(report: Report) -> str:
    return "\n".join(problem.why for problem in report.problems)
