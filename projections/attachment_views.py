"""The files of a record as its clients see them."""

from datetime import datetime
from urllib.parse import quote

from msgspec import Struct

from domain.quality.attaching import Holder
from domain.quality.attachments import Attachment, present


class AttachmentOut(Struct, frozen=True):
    """A file that belongs to a record. `file` is where it is downloaded; `size` is in bytes."""

    id: int
    file: str
    name: str
    description: str
    content_type: str
    size: int
    sha256: str
    uploaded_by: int | None
    uploaded_at: datetime


def attachments_out(kind: str, holder: Holder, base: str) -> tuple[AttachmentOut, ...]:
    """Return the files of a record of a kind that are not removed, oldest first; links begin with `base`.

    base: where clients reach us; where that is not known "", and a link is the path alone.
    """
    return tuple(attachment_out(kind, holder.id, it, base) for it in present(holder.attachments))


def attachment_out(kind: str, record: int, it: Attachment, base: str) -> AttachmentOut:
    """Return one file of the record with this id."""
    return AttachmentOut(
        id=it.id,
        file=f"{base}{media_path(kind, record, it)}",
        name=it.name,
        description=it.description,
        content_type=it.media_type,
        size=it.size,
        sha256=it.sha256,
        uploaded_by=it.uploaded_by,
        uploaded_at=it.uploaded_at.replace(microsecond=0),
    )


def media_path(kind: str, record: int, it: Attachment) -> str:
    """Return the path of a file's download. The record's id is in it: no index of files is needed to find it."""
    return f"/media/{kind}_attachments/{record}/{it.id}/{quote(it.name, safe='')}"
