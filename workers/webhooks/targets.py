"""Connecting to targets: a name is resolved once, every address of it is checked, and a checked one is connected to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

from httpcore import SOCKET_OPTION, AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ConnectError

from domain.platform.urls import check_address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class TargetRefused(ConnectError):
    """A name leads to an address that is no target; nothing was connected to."""


async def resolve(host: str, port: int) -> list[str]:
    """Return every address of a name, as the system's resolver orders them. Raises ConnectError where there is none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectError(f"the name can't be resolved: {error}") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedBackend(AsyncNetworkBackend):
    """Opens connections for httpcore. TLS is done above it, so names and certificates are still checked as names."""

    def __init__(
        self, *, allow_private: bool, resolve: Resolve = resolve, inner: AsyncNetworkBackend | None = None
    ) -> None:
        """Resolve with `resolve`, connect with `inner`."""
        self._allow_private = allow_private
        self._resolve = resolve
        self._inner = inner or AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first address that answers. Raises TargetRefused where any of them is no target."""
        addresses = await self._resolve(host, port)
        for address in addresses:
            if reason := check_address(address, allow_private=self._allow_private):
                raise TargetRefused(f"refused: {reason}")
        failure = ConnectError("the name has no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except ConnectError as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's signature
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> AsyncNetworkStream:
        """Refuse: no target is a file."""
        raise TargetRefused("refused: not an address")

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks."""
        await asyncio.sleep(seconds)
