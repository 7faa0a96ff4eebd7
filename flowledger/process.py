"""One supervised process through all its lives."""

import asyncio
import ctypes
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from flowledger.logs import forward

_log = structlog.get_logger(__name__)

_PR_SET_PDEATHSIG: Final = 1
_LONGEST_LINE: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024
# How long the output of a dead process is still read.
_OUTPUT_SECONDS: Final = 0.5


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A process to keep alive.

    `fds` are open descriptors that it inherits under the same numbers. Children of a lower
    `stage` are asked to stop first.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    fds: tuple[int, ...] = ()
    stage: int = 0


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How deaths are taken: the wait doubles from `first_wait` to `longest_wait`, and a child that
    dies `attempts` times in a row, each within `early_seconds` of its start, ends everything."""

    early_seconds: float = 5.0
    attempts: int = 5
    first_wait: float = 0.2
    longest_wait: float = 10.0

    def wait(self, failures: int) -> float:
        """Seconds before the start that follows so many failures in a row, 1 or more."""
        return min(self.longest_wait, self.first_wait * 2.0 ** min(failures - 1, 32))


class GivenUpError(Exception):
    """A child dies whenever it is started."""


class Kept:
    """One child, through all its lives."""

    def __init__(self, child: Child, patience: Patience) -> None:
        self.child = child
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    async def keep(self) -> None:
        """Run the child again and again until it is told to stop; raises GivenUpError."""
        failures = 0
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            begun = clock()
            ending = await self._live()
            if self._stopping.is_set():
                return
            early = clock() - begun < self._patience.early_seconds
            failures = failures + 1 if early else 1
            if early and failures >= self._patience.attempts:
                raise GivenUpError(f"{self.child.name} died at {failures} starts in a row, the last time: {ending}")
            wait = self._patience.wait(failures)
            _log.error("process.died", process=self.child.name, ending=ending, restart_in=wait)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)

    def terminate(self) -> None:
        """Ask it to stop, once; it is not started again."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it and whatever it started in its session."""
        _log.error("process.killed", process=self.child.name)
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    async def _live(self) -> str:
        """One life of the child; how it ended, in words."""
        reading, writing = os.pipe()
        output = asyncio.create_task(_forward_all(self.child.name, reading))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.child.argv,
                env=self.child.env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                pass_fds=self.child.fds,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )
        except OSError as error:
            return f"can't be started: {error}"
        finally:
            os.close(writing)
        _log.info("process.started", process=self.child.name, pid=self._process.pid)
        if self._stopping.is_set():  # told so while it was being started
            self._send(signal.SIGTERM)
        code = await self._process.wait()
        # Something that it started may hold the pipe for longer than it lived.
        await asyncio.wait([output], timeout=_OUTPUT_SECONDS)
        output.cancel()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


async def _forward_all(name: str, descriptor: int) -> None:
    async for line in _lines(descriptor):
        forward(name, line)


async def _lines(descriptor: int) -> AsyncIterator[bytes]:
    """The lines that come out of a pipe; a very long one comes in pieces. Closes it at the end."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    rest = b""
    try:
        while chunk := await reader.read(_CHUNK):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line
            if len(rest) > _LONGEST_LINE:
                yield rest
                rest = b""
        if rest:
            yield rest
    finally:
        transport.close()


def _die_with(parent: int) -> Callable[[], None]:
    """What a child does between fork and exec, so that the kernel kills it when we die.

    The library is loaded before the fork: little is safe to do after it.
    """
    libc = ctypes.CDLL(None)

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return arrange
