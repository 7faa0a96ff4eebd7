"""A worker's end does not wait for what hangs."""

import subprocess
import sys

_HANGS = """
import asyncio, threading
from workers.app import unawaited

async def main():
    over = unawaited(threading.Event().wait)
    done, _ = await asyncio.wait([over], timeout=0.1)
    print("left" if not done else "ended")

asyncio.run(main())
"""
_FAILS = """
import asyncio
from workers.app import unawaited

def fail():
    raise OSError("the broker is gone")

async def main():
    try:
        await unawaited(fail)
    except OSError as error:
        print(error)

asyncio.run(main())
"""


def _run(script: str) -> str:
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    return ran.stdout.strip()


def test_a_process_ends_although_what_it_does_apart_never_does() -> None:
    """A broker that never lets go keeps nobody."""
    assert _run(_HANGS) == "left"


def test_what_fails_apart_is_told_to_who_waits() -> None:
    """Nothing is swallowed."""
    assert _run(_FAILS) == "the broker is gone"
