"""Comparing stored files with the ledger: whatever befell one is found, and said."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from psycopg import AsyncConnection

from audit.files import check_files
from domain.quality.deviation_facts import AttachmentAdded
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.store import DiskFiles, new_key
from ledger.vault import Vault
from tests.contracts.files import cut
from tests.support.database import Database
from tests.support.ledgers import append_of, proposed, writer_on

pytestmark = pytest.mark.anyio


class Stage:
    """Files, and events that tell of them."""

    def __init__(self, connection: AsyncConnection[tuple[object, ...]], folder: Path, dsn: str) -> None:
        self.connection = connection
        self.codec = Codec(Vault(Keys(folder / "keys")))
        self.files = DiskFiles(folder / "files")
        self._folder = folder
        self._dsn = dsn

    async def attached(self, content: bytes, told: str = "") -> Path:
        """Store a file and tell of it, under another key if one is `told`; return where it is."""
        key = new_key()
        stored = await self.files.put(key, cut(content))
        fact = AttachmentAdded(
            attachment_id=7, key=told or key, name="log.pdf", media_type="application/pdf", **stored._asdict()
        )
        async with writer_on(self._dsn) as writer:
            await writer.append(append_of(proposed(topic=fact.topic, state=self.codec.encode(fact))))
        return self._folder / "files" / key[:2] / key[2:4] / key

    async def found(self) -> list[tuple[int | None, str]]:
        """Return what is wrong."""
        report = await check_files(self.connection, self.codec, self.files)
        assert report.ok is (report.found == 0)
        return [(it.position, it.why) for it in report.problems]


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """A ledger and a store."""
    connection = await connect(database.app_dsn, "test")
    yield Stage(connection, tmp_path, database.app_dsn)
    await connection.close()


async def test_files_that_are_as_they_were_are_well(stage: Stage) -> None:
    for content in (b"a", b"b" * 300_000):
        await stage.attached(content)
    report = await check_files(stage.connection, stage.codec, stage.files)
    assert (report.ok, report.files, report.bytes) == (True, 2, 300_001)


async def test_what_is_no_key_of_a_file_is_a_problem_and_the_rest_is_read(stage: Stage) -> None:
    await stage.attached(b"a", told="../../etc/passwd")
    (await stage.attached(b"lost")).unlink()
    assert await stage.found() == [
        (1, "The file 7 (log.pdf) can not be looked for: the key in the event is none."),
        (2, "The file 7 (log.pdf) is not in the store."),
    ]


@pytest.mark.clause("11.10(a)", negative=True)
async def test_a_file_that_was_changed_cut_or_lost_is_named_with_its_event(stage: Stage) -> None:
    await stage.attached(b"good")
    (await stage.attached(b"changed")).write_bytes(b"CHANGED")
    (await stage.attached(b"cut")).write_bytes(b"cu")
    (await stage.attached(b"lost")).unlink()
    assert await stage.found() == [
        (2, "The file 7 (log.pdf) is not what was recorded: its content was changed."),
        (3, "The file 7 (log.pdf) has 2 bytes; 3 were recorded."),
        (4, "The file 7 (log.pdf) is not in the store."),
    ]
