"""The file that keeps signed tree heads outside the database, oldest first.

Each note is followed by one empty line. So a note is whole when an empty line follows its signatures; a last one that
is not was torn by a crash while it was written, before anyone was told of it: it is passed over, then overwritten.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ledger.files import make_folder, sync_folder
from ledger.note import NoteError

_END = b"\n\n"
_SIGNATURE = "\u2014 ".encode()
#: More than any note of ours is long.
_TAIL_BYTES = 8192


class NoteFile:
    """Notes in a file. Whoever writes holds a lock that keeps other writers out."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is made with the first note."""
        self._path = path

    def size(self) -> int | None:
        """Return how many bytes the file has now, None where there is no file."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return None

    def last(self) -> str | None:
        """Return the last whole note, None where there is none; reads the end of the file only.

        Raises NoteError where the file ends in what no crash leaves there.
        """
        if not self.size():
            return None
        with self._path.open("rb") as file:
            _, tail = _whole_tail(file)
        return _text(_END.join(tail.split(_END)[-3:-1]) + b"\n") if tail else None

    def append(self, note: str) -> None:
        """Add a note, and have it on the disk on return."""
        new = not self.size()
        make_folder(self._path.parent)
        with self._path.open("a+b") as file:
            file.truncate(_whole_tail(file)[0])
            file.write(note.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(self._path.parent)

    def read(self, size: int) -> Iterator[str]:
        """Yield the whole notes in the file's first `size` bytes; holds one at a time."""
        with self._path.open("rb") as file:
            record, signed = b"", False
            while file.tell() < size and (line := file.readline(_TAIL_BYTES)):
                if line != b"\n" or not signed:
                    record += line
                    signed = line.startswith(_SIGNATURE)
                    continue
                yield _text(record)
                record, signed = b"", False


def _whole_tail(file: BinaryIO) -> tuple[int, bytes]:
    """Return where the last whole note of a file ends, and up to some 8 KiB before that."""
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    end = tail.rfind(_END)
    while end >= 0:
        before = tail.rfind(_END, 0, end)
        if tail.startswith(_SIGNATURE, before + 2 if before >= 0 else 0):
            return start + end + 2, tail[: end + 2]
        end = before
    if start:
        raise NoteError("the file of checkpoints does not end in one")
    return 0, b""


def _text(record: bytes) -> str:
    return record.decode(errors="replace")
