"""A worker as a process of its own: `python -m tests.workers.worker_process FOLDER SETTINGS`, until it is killed."""

import asyncio
import sys
from pathlib import Path

import msgspec

from ledger.codec import Codec
from ledger.keys import Keys
from ledger.vault import Vault
from workers.app import Work, WorkSettings


def main(folder: str, settings: str) -> None:
    """Work for ever, with the keys of a folder."""
    decoded = msgspec.json.decode(settings, type=WorkSettings, dec_hook=lambda kind, value: kind(value))
    asyncio.run(Work(decoded, Codec(Vault(Keys(Path(folder)))), []).run(asyncio.Event()))


if __name__ == "__main__":
    main(*sys.argv[1:])
