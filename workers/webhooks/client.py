"""The HTTP client of a worker process: one POST, one deadline, nothing followed, nothing kept of what is answered."""

import asyncio
import ssl
from time import perf_counter
from types import TracebackType
from typing import Self

import httpcore

from domain.platform.urls import check_url
from workers.webhooks.schedule import Answer
from workers.webhooks.targets import GuardedBackend, Resolve, resolve

_MOST_READ = 8192
_LONGEST_ERROR = 200
_CONNECTIONS = 1000
# Below the five seconds after which common servers close: so that a request does not meet a connection just closed.
_KEEP_SECONDS = 4.0


class Client:
    """Sends to targets that are allowed, over connections that are kept alive. No redirects, proxies or cookies."""

    def __init__(
        self,
        *,
        allow_private: bool,
        timeout_seconds: float,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; nothing is opened before the first request."""
        self._allow_private = allow_private
        self._timeout = timeout_seconds
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=_CONNECTIONS,
            keepalive_expiry=_KEEP_SECONDS,
            network_backend=GuardedBackend(allow_private=allow_private, resolve=resolve),
        )

    async def __aenter__(self) -> Self:
        """Be a context: connections are closed at its end."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send, and tell how it ended. Whatever goes wrong on the way is an answer too."""
        begun = perf_counter()
        status, error, retry_after = None, None, None
        try:
            async with asyncio.timeout(self._timeout):
                status, retry_after = await self._send(url, headers, body)
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except Exception as failure:  # noqa: BLE001 - what is not recorded is not backed off, and would be sent at once
            error = f"{type(failure).__name__}: {failure}"[:_LONGEST_ERROR]
        taken = round((perf_counter() - begun) * 1000)
        return Answer(status=status, error=error, retry_after=retry_after, milliseconds=taken)

    async def _send(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str | None]:
        # Again before each attempt: the rules may have changed since the endpoint was registered.
        if reason := check_url(url, allow_private=self._allow_private):
            raise ValueError(f"the URL {reason}")
        async with self._pool.stream("POST", url, headers=list(headers.items()), content=body) as response:
            read = 0
            async for chunk in response.aiter_stream():  # To its end, so that the connection can be used again.
                read += len(chunk)
                if read > _MOST_READ:
                    break
            return response.status, _header(response, b"retry-after")


def _header(response: httpcore.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)
