"""Auditing: verify, replay, checkpoint; proofs are in `proofs.py`, forks in `forks.py`."""

import asyncio
from typing import Annotated

import psycopg
from cyclopts import App, Parameter

from audit.files import check_files
from audit.replay import replay as replay_all
from audit.story import find_stream, state_at, story
from audit.verify import verify as verify_all
from flowledger.cli.common import Data, Json, Unaskable, answer, migrated, progress, settings_of
from flowledger.cli.report import files_text, replay_text, verify_text
from ledger.checkpoint import sign_tree
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.read import LedgerDamaged
from ledger.store import Files, open_files
from ledger.vault import Vault

app = App(name="audit", help="Verify, replay, sign and prove the ledger.")
for _name in ("prove", "consistency", "verifier"):
    app.command(f"flowledger.cli.proofs:{_name}", name=_name)
app.command("flowledger.cli.forks:acknowledge", name="acknowledge")

_UNSIGNED = "nothing was signed: the tree has not grown since the last checkpoint"


@app.command
def verify(*, data: Data = None, json: Json = False) -> int:
    """Recompute the tree from every stored event, and compare it with the head and every signed checkpoint."""
    settings = settings_of(data)
    keys = Keys(settings.keys)
    with (
        migrated(settings) as base,
        psycopg.connect(base.url, autocommit=True) as connection,
        progress("verify") as bar,
    ):
        report = verify_all(
            connection,
            keys.verifiers(),
            settings.checkpoints,
            lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total),
        )
    answer(report, verify_text(report), as_json=json)
    return 0 if report.ok else 1


@app.command
def replay(
    stream: str | None = None,
    *,
    at: Annotated[str | None, Parameter(help="With a stream: its state at a time, a date or a version.")] = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Fold every stream and compare with the read models; of one STREAM tell the story, or its state at a time."""
    if stream is None and at is not None:
        raise Unaskable("--at goes with a STREAM.")
    settings = settings_of(data)
    codec = Codec(Vault(Keys(settings.keys)))
    with migrated(settings) as base:
        if stream is None:
            return asyncio.run(_replay(base.url, codec, as_json=json))
        return asyncio.run(_tell(base.url, codec, stream, at, as_json=json))


@app.command
def checkpoint(*, data: Data = None, json: Json = False) -> int:
    """Sign the tree as it is now, in the database and outside it; 1 where it does not go on from what was signed."""
    settings = settings_of(data)
    with migrated(settings) as base, psycopg.connect(base.url, autocommit=True) as connection:
        try:
            made = sign_tree(connection, Keys(settings.keys), settings.checkpoints)
        except LedgerDamaged as damaged:
            text = f"the tree is not signed: {damaged}; see what `audit verify` finds"
            answer({"size": None, "refused": str(damaged)}, text, as_json=json)
            return 1
    text = f"signed the tree of {made.size} events" if made else _UNSIGNED
    answer({"size": made.size if made else None}, text, as_json=json)
    return 0


@app.command
def files(*, data: Data = None, json: Json = False) -> int:
    """Read every file that was ever attached, and compare it with what was recorded of it."""
    settings = settings_of(data)
    codec = Codec(Vault(Keys(settings.keys)))
    with migrated(settings) as base:
        return asyncio.run(_files(base.url, codec, open_files(settings.files_url, settings.files), as_json=json))


async def _files(url: str, codec: Codec, store: Files, *, as_json: bool) -> int:
    connection = await connect(url, "files")
    try:
        with progress("files") as bar:
            report = await check_files(
                connection, codec, store, lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total)
            )
    finally:
        await connection.close()
        await store.close()
    answer(report, files_text(report), as_json=as_json)
    return 0 if report.ok else 1


async def _replay(url: str, codec: Codec, *, as_json: bool) -> int:
    connection = await connect(url, "replay")
    try:
        with progress("replay") as bar:
            report = await replay_all(
                connection, codec, lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total)
            )
    finally:
        await connection.close()
    answer(report, replay_text(report), as_json=as_json)
    return 0 if report.ok else 1


async def _tell(url: str, codec: Codec, stream: str, at: str | None, *, as_json: bool) -> int:
    connection = await connect(url, "replay")
    try:
        found = await find_stream(connection, codec, stream)
        if at is None:
            lines = await story(connection, codec, found)
            answer(lines, "\n".join(lines), as_json=as_json)
        else:
            state = await state_at(connection, codec, found, at)
            answer(state, "\n".join(f"{name}: {value}" for name, value in state.items()), as_json=as_json)
    finally:
        await connection.close()
    return 0
