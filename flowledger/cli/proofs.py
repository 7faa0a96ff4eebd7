"""Taking out proofs, and the program that checks them."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import psycopg
from cyclopts import Parameter
from psycopg import AsyncConnection

from audit.bundle import ProofRefused, bundle
from audit.bundle import consistency as consistent
from audit.story import find_stream
from flowledger.cli.common import Data, Json, answer, migrated, settings_of
from flowledger.settings import Settings
from ledger.checkpoint import make_checkpoint
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.vault import Vault

Out = Annotated[Path | None, Parameter(name="--out", help="The file to write; without it, it goes to stdout.")]


def prove(stream: str, *, out: Out = None, data: Data = None, json: Json = False) -> int:
    """Write the proof of a STREAM's events: they are in the ledger as it was signed, and can be checked offline."""
    settings = settings_of(data)
    keys = Keys(settings.keys)

    async def made(url: str, connection: AsyncConnection[Any]) -> bytes:
        async def sign() -> None:
            await asyncio.to_thread(_sign, url, keys, settings)

        found = await find_stream(connection, Codec(Vault(keys)), stream)
        return await bundle(connection, keys, found, sign=sign)

    return _proven(settings, made, out, as_json=json)


def consistency(
    first: int | None = None, second: int | None = None, *, out: Out = None, data: Data = None, json: Json = False
) -> int:
    """Write the proof that the tree signed over FIRST events began that over SECOND: by default oldest and newest."""
    settings = settings_of(data)
    keys = Keys(settings.keys)

    async def made(_: str, connection: AsyncConnection[Any]) -> bytes:
        return await consistent(connection, keys, first, second)

    return _proven(settings, made, out, as_json=json)


def verifier(*, out: Out = None, json: Json = False) -> int:
    """Write the program that checks proofs: one Python file, which needs nothing of Flowledger."""
    _written((files("audit") / "verifier.py").read_bytes(), out, as_json=json)
    return 0


def _proven(
    settings: Settings,
    made: Callable[[str, AsyncConnection[Any]], Awaitable[bytes]],
    out: Path | None,
    *,
    as_json: bool,
) -> int:
    async def asked(url: str) -> bytes:
        connection = await connect(url, "prove")
        try:
            return await made(url, connection)
        finally:
            await connection.close()

    with migrated(settings) as base:
        try:
            proof = asyncio.run(asked(base.url))
        except ProofRefused as refused:
            print(f"flowledger: {refused}", file=sys.stderr)
            return 1
    _written(proof, out, as_json=as_json)
    return 0


def _sign(url: str, keys: Keys, settings: Settings) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        make_checkpoint(connection, keys, settings.checkpoints)


def _written(content: bytes, out: Path | None, *, as_json: bool) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    out.write_bytes(content)
    answer({"file": str(out), "bytes": len(content)}, f"wrote {len(content):,} bytes to {out}", as_json=as_json)
