"""Names that no two records of a kind may bear, whichever way they are written."""

from domain.platform.users import fold_name
from ledger.append import Statement
from ledger.queries import queries

_SQL = queries("api", "names")


def take(kind: str, name: str, record: int) -> Statement:
    """Return what is committed with a record that takes a name; it fails where the name is taken."""
    return Statement(_SQL.take, (kind, fold_name(name), record))
