"""Workers as processes of their own."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.workers.stage import Stage

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(stage: Stage, **changed: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """Have a worker process for a while; it is killed at the end, if it was not before."""
    settings = msgspec.json.encode(stage.settings(**changed), enc_hook=str).decode()
    command = [sys.executable, "-m", "tests.workers.worker_process", str(stage.folder / "keys"), settings]
    running = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
    try:
        yield running
    finally:
        if running.returncode is None:
            running.send_signal(signal.SIGKILL)
            await running.wait()
