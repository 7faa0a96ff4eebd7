"""A read model of stretches of time: rows of a record of which an event mostly leaves all but the last as they are."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any, ClassVar, TypeVar

from ledger.codec import Codec
from projections.read_model import Columns, ReadModel, Rows

R = TypeVar("R")


class StretchesReadModel(ReadModel[R]):
    """Several rows a record, one a stretch, in their order."""

    #: The columns that `insert` takes, and how each is sent.
    columns: ClassVar[Columns]

    def __init__(self, codec: Codec) -> None:  # noqa: ARG002 - made as every read model is
        """Keep nothing that is encoded."""
        self.sent = self.columns

    def changed(self, before: R | None, record: R, position: int) -> Rows:
        """Return the stretches that are others than before, and those that are new."""
        known = self.rows(before, position) if before is not None else []
        return [row for row, former in zip_longest(self.rows(record, position), known) if row != former]

    def named(self, row: Mapping[str, Any]) -> str:
        """Return what the record of a row is called: `deviation/1`."""
        return f"{row['kind']}/{row['id']}"
