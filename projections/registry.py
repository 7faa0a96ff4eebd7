"""The one list of read models: what is migrated, kept up by workers, rebuilt, and compared with the ledger."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection, sql

from ledger.codec import Codec
from ledger.queries import queries
from projections.deviations import DeviationsProjection
from projections.projection import Projection
from projections.users import UsersProjection
from projections.webhooks import WebhooksProjection

_SQL = queries("projections", "registry")
_MODELS: tuple[Any, ...] = (DeviationsProjection, UsersProjection, WebhooksProjection)
#: The names of all read models, which are also the names of their tables.
NAMES: tuple[str, ...] = tuple(model.name for model in _MODELS)
SCHEMA = "views"


def read_models(codec: Codec) -> list[Projection[Any]]:
    """Return every read model."""
    return [model(codec) for model in _MODELS]


def chosen(codec: Codec, names: Sequence[str] | None) -> list[Projection[Any]]:
    """Return the read models named, all where none is. Raises LookupError naming those there are."""
    for name in names or ():
        if name not in NAMES:
            raise LookupError(f"There is no read model {name!r}. There are: {', '.join(NAMES)}.")
    return [model for model in read_models(codec) if names is None or model.name in names]


async def ensure_tables(connection: AsyncConnection[Any], schema: str = SCHEMA) -> None:
    """Make the read models' tables where they are not there yet, as the application's role, which then owns them.

    All or nothing; any number of processes may do it at once. Raises psycopg.errors.InsufficientPrivilege for a role
    that may not create in the schema.
    """
    async with connection.transaction():
        await connection.execute(_SQL.one_at_a_time)
        await connection.execute(sql.SQL(_SQL.look_in).format(sql.Identifier(schema)))
        for model in _MODELS:
            await model.create(connection)
