"""A small supervisor: starts processes, restarts what dies, stops all in order and in time."""

import asyncio
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from flowledger.foundation import Foundation, Keeper
from flowledger.process import Child, Kept, Patience

__all__ = ["Child", "Foundation", "ListenError", "Patience", "listen", "listen_each", "supervise"]

_log = structlog.get_logger(__name__)

_LAST_PORT: Final = 65_535
# What a stop may take beside the children's drain.
_MARGIN_SECONDS: Final = 1.5
_KILLED_SECONDS: Final = 0.5

_Tasks = Mapping[asyncio.Task[None], Kept]


class ListenError(Exception):
    """The address can't be listened on; the message says which and why."""


def listen(host: str, port: int, backlog: int = 2048) -> socket.socket:
    """A listening TCP socket for a child to take by descriptor; port 0 takes any free one.

    Its real port is in `getsockname()`. Raises ListenError.
    """
    return _listen(host, port, backlog, among_others=False)


def listen_each(host: str, port: int, count: int, backlog: int = 2048) -> list[socket.socket]:
    """A listening socket for each of `count` children, all on one address; the kernel deals connections out among them.

    Of one socket that all shared, whoever wakes first would take every connection and keep it. Whoever holds them open
    keeps the queue of a child that died for the one that follows it. Raises ListenError.
    """
    if count == 1:
        return [listen(host, port, backlog)]
    if port:
        # A program of ours that shares the address in the same way would be no hindrance below.
        listen(host, port, backlog).close()
    listening: list[socket.socket] = []
    try:
        for _ in range(count):
            one = _listen(host, port, backlog, among_others=True)
            listening.append(one)
            port = one.getsockname()[1]
    except ListenError:
        for one in listening:
            one.close()
        raise
    return listening


def _listen(host: str, port: int, backlog: int, *, among_others: bool) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:
        raise ListenError(f"can't listen on {host} port {port}: there is no such port")
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return socket.create_server(address[:2], family=family, backlog=backlog, reuse_port=among_others)
    except OSError as error:
        raise ListenError(f"can't listen on {host} port {port}: {error.strerror}") from error


def supervise(
    children: Sequence[Child],
    *,
    drain_seconds: float,
    foundation: Foundation | None = None,
    patience: Patience | None = None,
) -> int:
    """Keep `children` alive until SIGTERM, SIGINT or SIGHUP, then stop them; the exit code.

    Call it from the main thread. Their output goes to our stderr. The children are asked to stop
    stage by stage and killed after `drain_seconds` in all; `foundation`, which runs already, is
    kept running and ended last. 0 means that all ended by themselves; 1 that something had to be
    killed, or that a child died at each start. They die with us, however we die.
    """
    return asyncio.run(_Supervisor(children, drain_seconds, foundation, patience).run())


class _Supervisor:
    def __init__(
        self,
        children: Sequence[Child],
        drain_seconds: float,
        foundation: Foundation | None,
        patience: Patience | None,
    ) -> None:
        self._kept = [Kept(child, patience or Patience()) for child in children]
        self._drain_seconds = drain_seconds
        self._keeper = Keeper(foundation) if foundation else None

    async def run(self) -> int:
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, asked.set)
        if self._keeper:
            self._keeper.start()
        tasks = {asyncio.create_task(kept.keep()): kept for kept in self._kept}
        request = asyncio.create_task(asked.wait())
        await asyncio.wait([request, *tasks], return_when=asyncio.FIRST_COMPLETED)
        request.cancel()
        gave_up = _complaints(tasks)
        for reason in gave_up:
            _log.error("supervisor.gives_up", why=reason)
        clean = await self._stop(tasks)
        return 0 if clean and not gave_up else 1

    async def _stop(self, tasks: _Tasks) -> bool:
        """Stop all; whether everything ended by itself."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        _log.info("supervisor.stopping")
        await self._drain(tasks, begun)
        killed = [kept for task, kept in tasks.items() if not task.done()]
        for kept in killed:
            kept.kill()
        if killed:
            await asyncio.wait(tasks, timeout=_KILLED_SECONDS)
        clean = not killed
        if self._keeper:
            left = self._drain_seconds - (clock() - begun) + _MARGIN_SECONDS - _KILLED_SECONDS
            clean = self._keeper.stop(max(left, _KILLED_SECONDS)) and clean
        _log.info("supervisor.stopped", seconds=round(clock() - begun, 2))
        return clean

    async def _drain(self, tasks: _Tasks, begun: float) -> None:
        """Ask stage by stage; a stage that takes longer than its share delays no other."""
        stages = sorted({kept.child.stage for kept in tasks.values()})
        for number, stage in enumerate(stages, start=1):
            asked = {task: kept for task, kept in tasks.items() if kept.child.stage <= stage}
            for kept in asked.values():
                kept.terminate()
            share = begun + self._drain_seconds * number / len(stages)
            left = share - asyncio.get_running_loop().time()
            await asyncio.wait(asked, timeout=max(left, 0))


def _complaints(tasks: _Tasks) -> list[str]:
    return [str(error) for task in tasks if task.done() and (error := task.exception())]
