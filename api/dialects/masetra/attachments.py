"""The doors of the files that belong to a record."""

from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from api.dialects.masetra import shapes
from api.dialects.masetra.forms import PageAsOf
from api.dialects.masetra.record_routes import CHANGE, DELETE, FIRE, GET, POST, READ, Kind
from api.records import attachments
from api.records.downloads import download
from api.records.shapes import AsOf
from api.routes import Route
from projections.attachment_views import AttachmentOut

Binary = Annotated[str, Meta(extra_json_schema={"format": "binary"})]


class AttachmentIn(Struct, frozen=True):
    """A form with a file in it."""

    file: Binary
    description: Annotated[str, Meta(max_length=2_000)] = ""


class AttachmentPage(Struct, frozen=True):
    """A page of files."""

    count: int
    next: str | None
    previous: str | None
    results: list[AttachmentOut]


def attachment_routes(kind: Kind) -> list[Route]:
    """Return the doors of the files of a kind of record."""
    it, tag, folder = kind.resource, kind.tag, f"{kind.one}/attachments"
    one = f"{folder}/{{attachment:int}}"
    content = f"/api/media/{it.workflow.kind}_attachments/{{id:int}}/{{attachment:int}}/{{name:str}}"
    return [
        Route(GET, folder, partial(attachments.listed, it), "The files, oldest first", tag, {200: AttachmentPage},
              query=PageAsOf, refusals=READ),
        Route(POST, folder, partial(attachments.add, it), "Attach a file", tag, {201: AttachmentOut},
              body=AttachmentIn, refusals=FIRE, streams=True),
        Route(GET, one, partial(attachments.get, it), "What is known of a file", tag, {200: AttachmentOut, 304: None},
              query=AsOf, refusals=READ),
        Route(DELETE, one, partial(attachments.remove, it), "Take a file off; nothing is erased", tag, {204: None},
              body=shapes.RemovalIn, body_required=False, query=shapes.RemovalQuery, refusals=CHANGE),
        Route(GET, content, partial(download, it), "Download a file, or a range of it", tag,
              {200: bytes, 206: bytes, 304: None}, refusals=(*READ, 416)),
    ]  # fmt: skip
