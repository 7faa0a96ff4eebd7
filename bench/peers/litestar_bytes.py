"""The ceiling of a read: bare Litestar, one route, bytes from memory."""

from pathlib import Path

from litestar import Litestar, MediaType, get


def application(file: str) -> Litestar:
    """Return an application that serves a file's bytes."""
    content = Path(file).read_bytes()

    @get("/api/deviations/", media_type=MediaType.JSON)
    async def page() -> bytes:
        return content

    return Litestar([page], openapi_config=None, logging_config=None)
