"""Files that belong to a record: what is recorded of one, and how that folds. The bytes are kept elsewhere, by key."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from domain.events import Event


class Attachment(Struct, frozen=True, kw_only=True):
    """A file as a record knows it. `size` is in bytes, `sha256` in hexadecimal digits.

    key: under which the store keeps the bytes; random, and never told to clients. removed: it stays in the store and in
    the record, and is no longer shown.
    """

    id: int
    key: str
    name: str
    media_type: str
    size: int
    sha256: str
    description: str
    uploaded_by: int | None
    uploaded_at: datetime
    removed: bool = False


class FileAdded(Event, frozen=True, kw_only=True):
    """A file was attached: the fields that each kind's own fact has."""

    attachment_id: int = 0
    key: str
    name: str
    media_type: str
    size: int
    sha256: str
    description: str = ""


class FileRemoved(Event, frozen=True, kw_only=True):
    """A file is no longer attached: the field that each kind's own fact has."""

    attachment_id: int


#: What a fact that is a `FileAdded` has allotted.
NUMBERED = {"attachment_id": "attachment"}


def with_added(attachments: tuple[Attachment, ...], event: FileAdded, at: datetime) -> tuple[Attachment, ...]:
    """Return a record's attachments with one more. Folds: copies, and never fails."""
    added = Attachment(
        id=event.attachment_id,
        key=event.key,
        name=event.name,
        media_type=event.media_type,
        size=event.size,
        sha256=event.sha256,
        description=event.description,
        uploaded_by=event.actor,
        uploaded_at=at,
    )
    return (*attachments, added)


def with_removed(attachments: tuple[Attachment, ...], event: FileRemoved) -> tuple[Attachment, ...]:
    """Return a record's attachments with one marked as removed. Folds: copies, and never fails."""
    return tuple(replace(it, removed=True) if it.id == event.attachment_id else it for it in attachments)


def present(attachments: tuple[Attachment, ...]) -> list[Attachment]:
    """Return those that are not removed, oldest first."""
    return [it for it in attachments if not it.removed]
