"""HTTP/1.1 as uvicorn speaks it, with bounds on a request's head, and refusals in the API's form."""

import asyncio
import re
import sys
from collections.abc import Callable
from typing import Any, ClassVar, Final

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.call import new_request_id
from api.errors import HttpRefusal, status_of
from api.reply import answer
from api.routes import ErrorForm, refused
from domain.errors import Unavailable

#: A request's address and headers together.
HEAD_BYTES: Final = 32 * 1024

_REQUEST: Final = re.compile(rb"[A-Za-z-]{1,40} \S+ HTTP/1\.")

_UNREADABLE: Final = HttpRefusal("VALIDATION_ERROR", "This is no request of HTTP/1.1 that can be read.")
_STRANGE: Final = HttpRefusal("METHOD_NOT_ALLOWED", "There is no such method.")
_TOO_LARGE: Final = HttpRefusal("VALIDATION_ERROR", f"Address and headers may have {HEAD_BYTES // 1024} KiB together.")
_TOO_SLOW: Final = HttpRefusal("VALIDATION_ERROR", "The request's head stopped coming before its end.")
_BUSY: Final = Unavailable("There is too much to do; ask again in a moment.")


class BoundedProtocol(HttpToolsProtocol):
    """Refuses what is no HTTP, heads that are too large or come too slowly, and requests past what can be served.

    form: how refusals are written. seconds: how long a head may take, and a new connection may stay silent.
    position: how far the ledger is known.
    """

    form: ClassVar[ErrorForm]
    seconds: ClassVar[float]
    position: ClassVar[Callable[[], int]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        #: Something was refused: nothing is read any more.
        self._over = False
        self._head_bytes = 0
        #: What came of the head after its first packet: a header that does not end is not told of.
        self._more_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        #: When a client that takes nothing of its answer is cut off.
        self._untaken: asyncio.TimerHandle | None = None
        self._packet = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, not for ever."""
        super().connection_made(transport)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._drop_deadline()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the client to take what is written, not for ever; closing would wait for it too."""
        super().pause_writing()
        self._untaken = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Write on."""
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read on; a head comes in one packet as a rule."""
        if self._over:
            return
        went_on, self._packet = self._in_head, data
        super().data_received(data)
        if not self._in_head:
            return
        self._set_deadline()
        if went_on:
            self._more_bytes += len(data)
            if self._more_bytes > HEAD_BYTES:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin to read a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._more_bytes = True, 0, 0

    def on_url(self, url: bytes) -> None:
        """Read a part of the address. Raises HttpRefusal, of which the parser tells."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read a header. Raises HttpRefusal, of which the parser tells."""
        self._count(name + value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request over."""
        self._in_head = False
        self._drop_deadline()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours says more
        """Refuse what the parser could not read, whose error is being handled."""
        error = sys.exc_info()[1]
        cause = error and error.__context__
        if isinstance(error, HttpParserInvalidMethodError) and _REQUEST.match(self._packet):
            self._refuse(_STRANGE)
        else:
            self._refuse(cause if isinstance(cause, HttpRefusal) else _UNREADABLE)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, self._busy() if app is service_unavailable else app)

    def _busy(self) -> Any:
        return answer(refused(_BUSY, type(self).form, ""), type(self).position(), reading=False)

    def _count(self, part: bytes) -> None:
        self._head_bytes += len(part)
        if self._head_bytes > HEAD_BYTES:
            raise _TOO_LARGE

    def _set_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self._too_late)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self._in_head:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, error: HttpRefusal) -> None:
        """Answer, unless an answer to an earlier request is on its way, and close the connection.

        A request that came whole is carried out: then its answer is the last one, and the connection closes behind it.
        """
        self._in_head, self._over = False, True
        self._drop_deadline()
        if self.transport.is_closing():
            return
        last: RequestResponseCycle | None = self.cycle
        if last is None or last.response_complete:
            self.transport.write(self._written(error))
        elif not last.more_body:
            last.keep_alive = False
            return
        elif not (last.response_started or self.pipeline):
            self.transport.write(self._written(error))
        self.transport.close()

    def _written(self, error: HttpRefusal) -> bytes:
        request_id = new_request_id("")
        body = type(self).form(error, request_id)
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "x-request-id": request_id,
            "x-position": str(type(self).position()),
            "connection": "close",
        }
        if error is _STRANGE:
            headers["allow"] = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
        lines = [f"{name}: {value}\r\n".encode() for name, value in headers.items()]
        return b"".join([STATUS_LINE[status_of(error)], *lines, b"\r\n", body])


def protocol(form: ErrorForm, seconds: float, position: Callable[[], int]) -> type[BoundedProtocol]:
    """Return the protocol with its refusals' form, its patience, and what it knows of the ledger."""
    parts = {"form": staticmethod(form), "seconds": seconds, "position": staticmethod(position)}
    return type("Protocol", (BoundedProtocol,), parts)
