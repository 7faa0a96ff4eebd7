"""Columns of a batch as PostgreSQL's binary arrays: bytes joined, several times faster than element by element."""

from collections.abc import Iterable, Sequence
from struct import Struct as Layout
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = Layout(">iiIii")
_LENGTH = Layout(">i")
_LONG = Layout(">iq")
_UUID_LENGTH = _LENGTH.pack(16)
_NULL = _LENGTH.pack(-1)


class Column:
    """One column's values, already in the binary form of an array."""

    __slots__ = ("data",)
    oid = 0

    def __init__(self, count: int, elements: Iterable[bytes], element_oid: int) -> None:
        """Join the elements, each with its length before it, behind the array's header."""
        header = _HEADER.pack(1, 0, element_oid, count, 1) if count else _HEADER.pack(0, 0, element_oid, 0, 0)[:12]
        self.data = header + b"".join(elements)


class UuidColumn(Column):
    """An uuid[]."""

    oid = 2951

    def __init__(self, values: Sequence[UUID]) -> None:
        """Take the values."""
        super().__init__(len(values), [_UUID_LENGTH + value.bytes for value in values], 2950)


class LongColumn(Column):
    """A bigint[]."""

    oid = 1016

    def __init__(self, values: Sequence[int]) -> None:
        """Take the values."""
        super().__init__(len(values), [_LONG.pack(8, value) for value in values], 20)


class OptionalLongColumn(Column):
    """A bigint[] in which None is NULL."""

    oid = 1016

    def __init__(self, values: Sequence[int | None]) -> None:
        """Take the values."""
        super().__init__(len(values), [_NULL if value is None else _LONG.pack(8, value) for value in values], 20)


class BytesColumn(Column):
    """A bytea[]."""

    oid = 1001

    def __init__(self, values: Sequence[bytes]) -> None:
        """Take the values."""
        super().__init__(len(values), [_LENGTH.pack(len(value)) + value for value in values], 17)


class TextColumn(Column):
    """A text[]."""

    oid = 1009

    def __init__(self, values: Sequence[str]) -> None:
        """Take the values."""
        encoded = [value.encode() for value in values]
        super().__init__(len(values), [_LENGTH.pack(len(value)) + value for value in encoded], 25)


class _ColumnDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Column) -> Buffer | None:
        return obj.data


def register(connection: AsyncConnection[object] | Connection[object]) -> None:
    """Teach a connection to send columns."""
    for column in (UuidColumn, LongColumn, OptionalLongColumn, BytesColumn, TextColumn):
        dumper = type(f"{column.__name__}Dumper", (_ColumnDumper,), {"oid": column.oid})
        connection.adapters.register_dumper(column, dumper)
