"""The embedded PostgreSQL 18: the wheel's binaries, run by us.

`Embedded` is the whole of it; `DataLock` keeps two products from sharing one data folder.
"""

from flowledger.postgres.binaries import bin_dir
from flowledger.postgres.errors import DataInUseError, PostgresError
from flowledger.postgres.locks import DataLock
from flowledger.postgres.server import Embedded, Urls

__all__ = ["DataInUseError", "DataLock", "Embedded", "PostgresError", "Urls", "bin_dir"]
