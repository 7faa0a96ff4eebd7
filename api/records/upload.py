"""A file as it comes in a form, with what is said of it."""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from hashlib import sha256

from multipart import MultipartSegment

from api.call import Call
from api.multipart import Form
from api.pace import steady
from api.text import clean
from domain.errors import Fault, InvalidInput, TooLarge
from domain.platform.settings import SystemSettings
from domain.quality.attaching import NewFile
from domain.quality.file_names import safe_name
from domain.quality.media_types import media_type_of
from ledger.store import Stored

_FILE, _DESCRIPTION = "file", "description"
_LONGEST_DESCRIPTION = 2_000

#: What takes the content, and says how much it was, and its hash.
Keep = Callable[[AsyncIterable[bytes]], Awaitable[Stored]]


async def received(call: Call, settings: SystemSettings, key: str, keep: Keep) -> NewFile:
    """Return the file of a request's form, once `keep` has all of its content.

    Raises UnsupportedMedia (the body, or the file), TooLarge, InvalidInput with every fault of the form, and
    HttpRefusal where it comes too slowly.
    """
    headers, most = call.headers, settings.attachment_max_bytes
    coming = steady(call.request.receive)
    form = Form(headers.get("content-type", ""), headers.get("content-length", ""), coming, most)
    reader = _Reader(form, settings, keep)
    async for part in form:
        await reader.take(part)
    return reader.whole(key)


async def counted(chunks: AsyncIterable[bytes]) -> Stored:
    """Keep nothing of the content but its size and hash."""
    size, digest = 0, sha256()
    async for chunk in chunks:
        size += len(chunk)
        digest.update(chunk)
    return Stored(size, digest.hexdigest())


class _Reader:
    """What was read of a form, and the faults in it."""

    def __init__(self, form: Form, settings: SystemSettings, keep: Keep) -> None:
        self._form = form
        self._settings = settings
        self._keep = keep
        self._seen: set[str] = set()
        self._faults: list[Fault] = []
        self._name = self._media_type = self._description = ""
        self._stored: Stored | None = None

    async def take(self, part: MultipartSegment) -> None:
        """Read a part."""
        name = part.name or ""
        if name in self._seen:
            self._fault(name, "Given more than once.")
        elif name == _FILE:
            await self._take_file(part)
        elif name == _DESCRIPTION:
            await self._take_description()
        else:
            self._fault(name[:100], "Unknown field. There are: file, description.")
        self._seen.add(name)

    def whole(self, key: str) -> NewFile:
        """Return the file. Raises InvalidInput."""
        if _FILE not in self._seen:
            self._fault(_FILE, "This field is required.")
        if self._faults or self._stored is None:
            raise InvalidInput(self._faults)
        return NewFile(
            key=key,
            name=self._name,
            media_type=self._media_type,
            size=self._stored.size,
            sha256=self._stored.sha256,
            description=self._description,
        )

    async def _take_file(self, part: MultipartSegment) -> None:
        if not part.filename:
            self._fault(_FILE, "This must be a file, with a name.")
            return
        self._name = safe_name(part.filename)
        self._media_type = media_type_of(self._name, part.content_type or "", self._settings.attachment_types)
        self._stored = await self._keep(self._bounded())
        if self._stored.size == 0:
            self._fault(_FILE, "The file is empty.")

    async def _take_description(self) -> None:
        try:
            self._description = clean((await self._form.text(_LONGEST_DESCRIPTION)).replace("\r\n", "\n")).strip()
        except ValueError as error:
            self._fault(_DESCRIPTION, str(error))

    async def _bounded(self) -> AsyncGenerator[bytes, None]:
        size, most = 0, self._settings.attachment_max_bytes
        async for chunk in self._form.content():
            size += len(chunk)
            if size > most:
                raise TooLarge(f"The file is too large: it may have {most} bytes.")
            yield chunk

    def _fault(self, field: str, message: str) -> None:
        self._faults.append(Fault(field, message))
