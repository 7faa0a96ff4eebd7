"""A process to be killed: `python -m tests.projections.killed rebuild|runner URL KEYS`. It says `here` to die there."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from domain.events import Recorded
from ledger.append import CHANNEL
from ledger.bell import Bell
from ledger.codec import Codec
from ledger.connect import connect
from ledger.keys import Keys
from ledger.vault import Vault
from projections.rebuild import rebuild
from projections.runner import Runner


def run_and_kill(*arguments: str) -> None:
    """Start such a process, and kill it with SIGKILL where it is to die."""
    with subprocess.Popen([sys.executable, "-m", __name__, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "here\n":
                process.kill()
    assert process.returncode == -signal.SIGKILL


def die_here() -> None:
    print("here", flush=True)
    time.sleep(60)


class Tally:
    """Writes one row an event: doing anything twice shows."""

    name = "tally"
    kinds = frozenset({"deviation"})

    def __init__(self, *, deadly: bool = False) -> None:
        self._deadly = deadly

    async def apply(self, connection: AsyncConnection[Any], events: Sequence[Recorded]) -> None:
        for event in events:
            await connection.execute("INSERT INTO tally VALUES (%s)", (event.position,))
        if self._deadly:
            die_here()

    async def committed(self) -> None:
        pass


async def run(what: str, url: str, keys: str) -> None:
    codec = Codec(Vault(Keys(Path(keys))))
    if what == "rebuild":
        await rebuild(url, codec, None, lambda done, total: die_here() if done else None)
    else:
        bell = Bell(partial(connect, url, "bell"), CHANNEL)
        await Runner(partial(connect, url, "runner"), codec, [Tally(deadly=True)], bell).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
