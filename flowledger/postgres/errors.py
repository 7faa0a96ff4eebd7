"""What can go wrong with the embedded PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class PostgresError(Exception):
    """The embedded PostgreSQL can't be made, started or reached: what happened, and where."""


class DataInUseError(Exception):
    """Another process holds this data folder."""


@contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turn what the system refuses, such as a full disk, into an error that names the place."""
    try:
        yield
    except OSError as error:
        name = error.filename or place
        raise PostgresError(f"can't use {name}: {error.strerror or error}") from error
