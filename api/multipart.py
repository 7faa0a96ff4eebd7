"""multipart/form-data, read as it comes: nothing of it is held but the headers of a part."""

import re
from collections.abc import AsyncGenerator, AsyncIterator

from litestar.types import Receive
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from domain.errors import Fault, TooLarge, Unreadable, UnsupportedMedia

_MOST_PARTS = 20
_MOST_HEADERS = 8
_LONGEST_HEADER = 4096
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
#: What a form may hold beside the content that its door allows.
_FRAME_BYTES = 64 * 1024


class Form:
    """The parts of a body in the order in which they come: iterate, and read the content of each before the next."""

    def __init__(self, content_type: str, length: str, receive: Receive, most: int) -> None:
        """Look at the headers Content-Type and Content-Length of a body that may have `most` bytes of content.

        Raises UnsupportedMedia for what is no form, TooLarge, and Unreadable. So does reading it, of Unreadable and
        TooLarge.
        """
        kind, options = parse_options_header(content_type)  # type: ignore[no-untyped-call]
        if kind != "multipart/form-data":
            raise UnsupportedMedia("The body must be multipart/form-data.")
        self._most = most + _FRAME_BYTES
        self._check(int(length) if _LENGTH.fullmatch(length) else 0)
        try:
            self._parser = PushMultipartParser(
                options.get("boundary", ""),
                max_header_size=_LONGEST_HEADER,
                max_header_count=_MOST_HEADERS,
                max_segment_count=_MOST_PARTS,
            )
        except (MultipartError, UnicodeError) as error:
            raise _unreadable(error) from error
        self._events = self._read(receive)

    async def __aiter__(self) -> AsyncIterator[MultipartSegment]:
        """Yield the parts; content that was not read is passed over."""
        async for event in self._events:
            if isinstance(event, MultipartSegment):
                yield event

    async def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the content of the part that came last."""
        async for event in self._events:
            if not isinstance(event, bytes | bytearray):
                return
            yield bytes(event)

    async def text(self, most: int) -> str:
        """Return the content of the part that came last. Raises ValueError for what is not text, or too long."""
        content = bytearray()
        async for chunk in self.content():
            content += chunk[: 4 * most + 1 - len(content)]
        try:
            text = content[: 4 * most].decode()
        except UnicodeDecodeError:
            raise ValueError("This is not text in UTF-8.") from None
        if len(content) > 4 * most or len(text) > most:
            raise ValueError(f"At most {most} characters.")
        return text

    async def _read(self, receive: Receive) -> AsyncGenerator[MultipartSegment | bytes | None, None]:
        read, more = 0, True
        try:
            while more:
                message = await receive()
                body: bytes = message.get("body", b"")  # type: ignore[assignment]  # of http.request
                more = bool(message.get("more_body"))
                read += len(body)
                self._check(read)
                if body:
                    for event in self._parser.parse(body):
                        yield event
            self._parser.close()  # type: ignore[no-untyped-call]
        except MultipartError as error:
            raise _unreadable(error) from error

    def _check(self, length: int) -> None:
        if length > self._most:
            raise TooLarge(f"The body is too large: it may have {self._most} bytes.")


def _unreadable(error: Exception) -> Unreadable:
    return Unreadable([Fault("", f"The body is no form that can be read: {error}.")])
