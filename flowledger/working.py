"""The worker process: where its concrete parts are chosen."""

import asyncio
import faulthandler
import signal

import uvloop

from flowledger.settings import Settings
from ledger.codec import Codec
from ledger.keys import Keys
from ledger.vault import Vault
from projections.registry import read_models
from workers.app import Work, WorkSettings


def work_settings(settings: Settings, url: str) -> WorkSettings:
    """Return what a worker needs of the settings."""
    return WorkSettings(
        database_url=url,
        checkpoint_file=settings.checkpoints,
        broker_url=settings.broker_url,
        public_url=settings.public_url or "",
        allow_private=settings.webhook_allow_private,
        schedule=settings.webhook_schedule,
        timeout_seconds=settings.webhook_timeout_seconds,
        sweep_seconds=settings.webhook_sweep_seconds,
        checkpoint_seconds=settings.checkpoint_seconds,
        poll_seconds=settings.poll_seconds,
        stop_seconds=max(settings.drain_seconds / 2 - 1, 0.5),
    )


def work(settings: Settings, url: str) -> None:
    """Work until SIGTERM or SIGINT; what is under way is finished first."""
    uvloop.run(_work(settings, url))


async def _work(settings: Settings, url: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def leave() -> None:
        stop.set()
        # All that matters is in the database: what hangs then is told of, thread by thread, and left.
        faulthandler.dump_traceback_later(settings.drain_seconds, exit=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    codec = Codec(Vault(Keys(settings.keys)))
    await Work(work_settings(settings, url), codec, read_models(codec)).run(stop)
