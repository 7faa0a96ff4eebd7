"""The files of the record: bytes too large for an event, which holds their hash and the key under which they are kept.

Immutable, as events are: a key is written once, and what is read under it is what was written.
"""

from ledger.store.disk import DiskFiles
from ledger.store.files import FileMissing, Files, StoreAway, Stored, is_key, new_key
from ledger.store.objects import ObjectFiles
from ledger.store.opening import open_files

__all__ = [
    "DiskFiles",
    "FileMissing",
    "Files",
    "ObjectFiles",
    "StoreAway",
    "Stored",
    "is_key",
    "new_key",
    "open_files",
]
