"""Which store a URL names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError

from ledger.store.disk import DiskFiles
from ledger.store.files import Files
from ledger.store.objects import ObjectFiles


def open_files(url: str | None, folder: Path) -> Files:
    """Return the store at a URL, such as `s3://bucket/prefix` or `file:///srv/files`; without one, in the folder.

    Nothing is asked of it yet. Raises ValueError where what the environment says of an object store does not do.
    """
    if not url:
        return DiskFiles(folder)
    parts = urlsplit(url)
    if parts.scheme == "file":
        return DiskFiles(Path(unquote(parts.path)))
    try:
        return ObjectFiles.at(url)
    except BaseError as error:
        raise ValueError(f"The store of files at {url} can not be used: {str(error).partition(chr(10))[0]}") from error
